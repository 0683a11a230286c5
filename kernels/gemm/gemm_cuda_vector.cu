// Matrix times vector, rows contiguous along k: all of it is reading the matrix once. A warp takes
// a row, its lanes the 32 chains that the CPU twin interleaves.
#include <cmath>

#include "kernels/gemm/gemm_cuda.cuh"

namespace burin::cuda::detail {
namespace {

constexpr int kWarps = 8;
constexpr int kLanes = 32;

// sum[rows] = matrix[rows, k] vector[k], the vector's elements `step` apart. The results are a row
// of C, or a column.
__global__ __launch_bounds__(kWarps* kLanes) void multiply_vector_kernel(
    const float* matrix, int64_t ld, int64_t rows, int64_t k, const float* vector, int64_t step,
    bool is_row, const Finish finish) {
  const int lane = static_cast<int>(threadIdx.x) % kLanes;
  const int64_t row = int64_t{blockIdx.x} * kWarps + threadIdx.x / kLanes;
  if (row >= rows) return;  // a whole warp
  matrix += row * ld;
  float sum = 0.0f;
#pragma unroll 4
  for (int64_t p = lane; p < k; p += kLanes) sum = std::fma(matrix[p], vector[p * step], sum);
#pragma unroll
  for (int half = kLanes / 2; half > 0; half /= 2) {
    sum += __shfl_down_sync(0xffffffffu, sum, static_cast<unsigned>(half));
  }
  if (lane == 0) finish.store(is_row ? 0 : row, is_row ? row : 0, sum);
}

}  // namespace

void multiply_vector(const Product& x, cudaStream_t stream) {
  const bool is_row = x.n != 1 || x.transpose_a;  // as in the CPU twin: n = 1 goes first
  const int64_t rows = is_row ? x.n : x.m;
  const auto blocks = static_cast<unsigned>((rows + kWarps - 1) / kWarps);
  constexpr int kThreads = kWarps * kLanes;
  if (is_row) {
    multiply_vector_kernel<<<blocks, kThreads, 0, stream>>>(
        x.b, x.ldb, rows, x.k, x.a, x.transpose_a ? x.lda : 1, true, x.finish);
  } else {
    multiply_vector_kernel<<<blocks, kThreads, 0, stream>>>(
        x.a, x.lda, rows, x.k, x.b, x.transpose_b ? 1 : x.ldb, false, x.finish);
  }
  check_launch("multiply_vector_kernel");
  sum_rows_alone(x, stream);
}

}  // namespace burin::cuda::detail
