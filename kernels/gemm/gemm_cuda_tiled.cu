// fp32 in tiles: a block keeps a tile of C in registers and walks along k, a panel of A and one of
// B in shared memory at a time, while the next ones are on their way from global memory. The scheme
// is Volkov & Demmel 2008, "Benchmarking GPUs to tune dense linear algebra".
#include <cmath>

#include "kernels/gemm/gemm_cuda_copy.cuh"

namespace burin::cuda::detail {
namespace {

constexpr int kDepth = 16;  // values of k in a panel

constexpr int kStages = 3;  // panels in shared memory: one in use, two arriving

// A panel of op(X), [kDepth][kRows] in shared memory. kAlongDepth: X is stored [kRows, k], and is
// transposed by the copy. Then the rows are swizzled, permuted within 32 so that groups of four
// stay together: the 4 rows x 8 values of k that a warp writes at once are in 32 different banks.
template <int kRows_, bool kAlongDepth_>
struct Panel {
  static constexpr int kRows = kRows_, kDepth = detail::kDepth;
  static constexpr bool kAlongDepth = kAlongDepth_, kKeepsFours = !kAlongDepth;
  static constexpr int kRun = kAlongDepth ? 8 : kRows;

  static __device__ constexpr int swizzle(int p) { return kAlongDepth ? p % 8 * 4 : 0; }
  static __device__ int place(int row, int p) {
    return p * kRows + (row & ~31) + ((row & 31) ^ swizzle(p));
  }
};

// A thread has kDown x kAcross squares of 4 x 4 sums; threads lie kThreadsDown x kThreadsAcross,
// those of a warp 4 x 8. Its squares are 4 kThreadsDown rows or 4 kThreadsAcross columns apart, so
// that a warp reads neighbours.
template <int kThreadsDown_, int kThreadsAcross_, int kDown_, int kAcross_>
struct Tile {
  static constexpr int kThreadsDown = kThreadsDown_, kThreadsAcross = kThreadsAcross_;
  static constexpr int kDown = kDown_, kAcross = kAcross_;
  static constexpr int kThreads = kThreadsDown * kThreadsAcross;
  static constexpr int kRows = 4 * kThreadsDown * kDown, kColumns = 4 * kThreadsAcross * kAcross;
  static constexpr int kPanels = kDepth * (kRows + kColumns);  // floats of A's and B's panel
  static_assert(kThreadsDown % 4 == 0 && kThreadsAcross % 8 == 0 && kThreadsDown >= 8);
  static_assert(4 * kThreadsDown * kColumns <= kStages * kPanels, "sums leave through the panels");
};
using LargeTile = Tile<16, 16, 2, 2>;  // 128 x 128, 256 threads
using SmallTile = Tile<8, 16, 2, 1>;   // 64 x 64, 128 threads

// sums += A(:, p) B(p, :) for one p of the panels, in the thread whose first square begins at (row,
// column). A warp reads 4 or 8 neighbouring groups of four: no two in the same bank.
template <class T, class PanelA, class PanelB>
__device__ void multiply_step(const float* panel_a, const float* panel_b, int row, int column,
                              int p, float (&sum)[4 * T::kDown][4 * T::kAcross]) {
  // Squares are a multiple of 32 apart, which the swizzle leaves alone: PanelA::place(row + i *
  // ...).
  float a[4 * T::kDown], b[4 * T::kAcross];
#pragma unroll
  for (int i = 0; i < T::kDown; ++i) {
    const float4 v = *reinterpret_cast<const float4*>(panel_a + (row ^ PanelA::swizzle(p)) +
                                                      (p * T::kRows + i * 4 * T::kThreadsDown));
    a[4 * i] = v.x, a[4 * i + 1] = v.y, a[4 * i + 2] = v.z, a[4 * i + 3] = v.w;
  }
#pragma unroll
  for (int j = 0; j < T::kAcross; ++j) {
    const float4 v = *reinterpret_cast<const float4*>(
        panel_b + (column ^ PanelB::swizzle(p)) + (p * T::kColumns + j * 4 * T::kThreadsAcross));
    b[4 * j] = v.x, b[4 * j + 1] = v.y, b[4 * j + 2] = v.z, b[4 * j + 3] = v.w;
  }
#pragma unroll
  for (int i = 0; i < 4 * T::kDown; ++i) {
#pragma unroll
    for (int j = 0; j < 4 * T::kAcross; ++j) sum[i][j] = std::fma(a[i], b[j], sum[i][j]);
  }
}

template <class T, bool kTransposeA, bool kTransposeB>
__device__ __forceinline__ void multiply_tile(const Product& x, const Place& at) {
  using PanelA = Panel<T::kRows, !kTransposeA>;
  using PanelB = Panel<T::kColumns, kTransposeB>;
  __shared__ __align__(128) float shared[kStages][T::kPanels];
  if (sums_rows(x, at)) return;
  const Part<T::kRows, T::kColumns> part(x, at);

  const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
  constexpr int kWarpsDown = T::kThreadsDown / 4;
  const int row = (warp % kWarpsDown * 4 + lane / 8) * 4;
  const int column = (warp / kWarpsDown * 8 + lane % 8) * 4;

  float sum[4 * T::kDown][4 * T::kAcross] = {};
  Pipeline<PanelA, PanelB, T::kThreads, kStages, kDepth * T::kRows, T::kPanels> pipeline(x, part,
                                                                                         shared[0]);
#pragma unroll 1
  for (int t = 1 - kStages; t < pipeline.turns; ++t) {
    const float* panel_a = t < 0 ? nullptr : pipeline.wait(t);
    pipeline.order(x, part, t + kStages - 1);
    if (t < 0) continue;
    const float* panel_b = panel_a + kDepth * T::kRows;
    const int depth = pipeline.depth(t);
    if (depth == kDepth) {
#pragma unroll
      for (int p = 0; p < kDepth; ++p) {
        multiply_step<T, PanelA, PanelB>(panel_a, panel_b, row, column, p, sum);
      }
    } else {  // not one zero too many: -0 + 0 * 0 would be +0
#pragma unroll 1
      for (int p = 0; p < depth; ++p) {
        multiply_step<T, PanelA, PanelB>(panel_a, panel_b, row, column, p, sum);
      }
    }
  }
  wait_for_copies<0>();

  Finish finish = x.finish;
  finish.c += int64_t{at.range} * x.m * x.n;
  float* sums = shared[0];  // [4 kThreadsDown][kColumns]
#pragma unroll
  for (int i = 0; i < T::kDown; ++i) {
    __syncthreads();
#pragma unroll
    for (int r = 0; r < 4; ++r) {
#pragma unroll
      for (int j = 0; j < T::kAcross; ++j) {
        const float* s = &sum[4 * i + r][4 * j];
        store_4(sums + (row + r) * T::kColumns + column + j * 4 * T::kThreadsAcross, s[0], s[1],
                s[2], s[3]);
      }
    }
    __syncthreads();
    finish.template store_tile<4 * T::kThreadsDown, T::kColumns, T::kColumns, T::kThreads>(
        sums, part.row + i * 4 * T::kThreadsDown, part.column);
  }
}

template <class T, bool kTransposeA, bool kTransposeB>
__global__ __launch_bounds__(T::kThreads,
                             512 / T::kThreads) void multiply_tiled_kernel(const Product x) {
  multiply_tile<T, kTransposeA, kTransposeB>(x, place_in_grid());
}

template <class T>
__global__ __launch_bounds__(T::kThreads, 512 / T::kThreads) void multiply_tiled_group_kernel(
    const __grid_constant__ Group group) {
  const int product = group.product();
  // By reference into the parameters: a copy would be in registers, too many of them.
  multiply_tile<T, Group::kTransposeA, Group::kTransposeB>(group.products[product],
                                                           group.place(product));
}

template <class T>
void launch(const Product& x, cudaStream_t stream) {
  static_assert(T::kRows == T::kColumns);
  const dim3 grid = grid_of(x, T::kRows);
  if (x.transpose_a) {
    if (x.transpose_b) {
      multiply_tiled_kernel<T, true, true><<<grid, T::kThreads, 0, stream>>>(x);
    } else {
      multiply_tiled_kernel<T, true, false><<<grid, T::kThreads, 0, stream>>>(x);
    }
  } else {
    if (x.transpose_b) {
      multiply_tiled_kernel<T, false, true><<<grid, T::kThreads, 0, stream>>>(x);
    } else {
      multiply_tiled_kernel<T, false, false><<<grid, T::kThreads, 0, stream>>>(x);
    }
  }
  check_launch("multiply_tiled_kernel");
}

template <class T>
void launch(Group& group, cudaStream_t stream) {
  const unsigned blocks = lay_out(group, T::kRows);
  multiply_tiled_group_kernel<T><<<blocks, T::kThreads, 0, stream>>>(group);
  check_launch("multiply_tiled_group_kernel");
}

}  // namespace

void multiply_tiled(const Product& x, GemmTile tile, cudaStream_t stream) {
  if (wants_large_tile(x, tile)) {
    launch<LargeTile>(x, stream);
  } else {
    launch<SmallTile>(x, stream);
  }
}

void multiply_tiled_group(Group& group, GemmTile tile, cudaStream_t stream) {
  if (wants_large_tile(group, tile)) {
    launch<LargeTile>(group, stream);
  } else {
    launch<SmallTile>(group, stream);
  }
}

}  // namespace burin::cuda::detail
