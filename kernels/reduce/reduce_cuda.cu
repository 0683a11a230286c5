#include "kernels/common/cuda_reduce.cuh"
#include "kernels/common/cuda_vector.cuh"
#include "kernels/reduce/reduce.h"

namespace burin::cuda {
namespace {

// What each element adds to a sum; a thread's sum is of the type that it returns.
struct Value {
  __device__ double operator()(float x) const { return static_cast<double>(x); }
};
struct Magnitude {
  __device__ double operator()(float x) const { return static_cast<double>(fabsf(x)); }
};
struct Square {
  __device__ double operator()(float x) const {
    return static_cast<double>(x) * static_cast<double>(x);  // exact
  }
};
struct IsZero {
  __device__ int64_t operator()(float x) const { return x == 0.0f ? 1 : 0; }
};

template <class Term, class Out>
__global__ void sum_kernel(const float* x /* [n] */, int64_t n, bool vectors, float scale,
                           Out* out /* [1] */, Workspace workspace) {
  using Sum = decltype(Term{}(0.0f));
  Sum mine = 0;
  for_each_quad(n, vectors, grid_thread(), grid_threads(), [&](int64_t i, auto width) {
    for (const float v : load(x + i, width).v) mine += Term{}(v);
  });
  Sum total = 0;
  if (grid_sum(mine, workspace, &total)) *out = static_cast<Out>(static_cast<Sum>(scale) * total);
}

template <class Term, class Out>
void launch_sum(const float* x, int64_t n, float scale, Out* out, Stream stream,
                const char* kernel) {
  sum_kernel<Term><<<sum_blocks_for(n), kThreads, 0, stream_of(stream)>>>(
      x, n, aligned(x), scale, out, workspace_of(stream));
  check_launch(kernel);
}

constexpr int kTileCols = 32;  // a warp reads 32 neighbours of a row
constexpr int kTileRows = 32;

// A block takes 32 columns. Its warp w adds rows w, w + 32, ... in their order; then the first warp
// adds the warps' sums in theirs.
__global__ void __launch_bounds__(kTileCols* kTileRows)
    column_sum_kernel(const float* x /* [rows, cols], ld */, int64_t rows, int64_t cols, int64_t ld,
                      float* out /* [cols] */, bool accumulate) {
  __shared__ double partial[kTileRows][kTileCols];
  const int lane = static_cast<int>(threadIdx.x) % kTileCols;
  const int warp = static_cast<int>(threadIdx.x) / kTileCols;
  const int64_t column = int64_t{blockIdx.x} * kTileCols + lane;
  double mine = 0.0;
  if (column < cols) {
    for (int64_t row = warp; row < rows; row += kTileRows) {
      mine += static_cast<double>(x[row * ld + column]);
    }
  }
  partial[warp][lane] = mine;
  __syncthreads();
  if (warp != 0 || column >= cols) return;
  double total = 0.0;
  for (int w = 0; w < kTileRows; ++w) total += partial[w][lane];
  const float value = static_cast<float>(total);
  out[column] = accumulate ? out[column] + value : value;
}

}  // namespace

void sum(const float* x, int64_t n, float scale, float* out, Stream stream) {
  launch_sum<Value>(x, n, scale, out, stream, "sum_kernel<Value>");
}

void abs_sum(const float* x, int64_t n, float* out, Stream stream) {
  launch_sum<Magnitude>(x, n, 1.0f, out, stream, "sum_kernel<Magnitude>");
}

void sum_of_squares(const float* x, int64_t n, float* out, Stream stream) {
  launch_sum<Square>(x, n, 1.0f, out, stream, "sum_kernel<Square>");
}

void zero_count(const float* x, int64_t n, int64_t* out, Stream stream) {
  launch_sum<IsZero>(x, n, 1.0f, out, stream, "sum_kernel<IsZero>");
}

void column_sum(const float* x, int64_t rows, int64_t cols, int64_t ld, float* out, bool accumulate,
                Stream stream) {
  if (cols == 0) return;
  const auto blocks = static_cast<unsigned>((cols + kTileCols - 1) / kTileCols);
  column_sum_kernel<<<blocks, kTileCols * kTileRows, 0, stream_of(stream)>>>(x, rows, cols, ld, out,
                                                                             accumulate);
  check_launch("column_sum_kernel");
}

}  // namespace burin::cuda
