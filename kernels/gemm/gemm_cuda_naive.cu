// The first rung: a thread an element, and the sum that is its definition.
#include <cmath>

#include "kernels/gemm/gemm_cuda.cuh"

namespace burin::cuda::detail {
namespace {

constexpr int kThreads = 256;

__global__ __launch_bounds__(kThreads) void multiply_naive_kernel(const Product x) {
  if (sums_rows(x, place_in_grid())) return;
  const int64_t element = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (element >= x.m * x.n) return;
  const int64_t row = element / x.n, column = element % x.n;
  // op(A)(row, p) is a[p * a_step], op(B)(p, column) is b[p * b_step].
  const float* a = x.transpose_a ? x.a + row : x.a + row * x.lda;
  const float* b = x.transpose_b ? x.b + column * x.ldb : x.b + column;
  const int64_t a_step = x.transpose_a ? x.lda : 1;
  const int64_t b_step = x.transpose_b ? 1 : x.ldb;
  float sum = 0.0f;
  for (int64_t p = 0; p < x.k; ++p) sum = std::fma(a[p * a_step], b[p * b_step], sum);
  x.finish.store(row, column, sum);
}

}  // namespace

void multiply_naive(const Product& x, cudaStream_t stream) {
  const int64_t blocks = (x.m * x.n + kThreads - 1) / kThreads + x.sum_blocks;
  multiply_naive_kernel<<<static_cast<unsigned>(blocks), kThreads, 0, stream>>>(x);
  check_launch("multiply_naive_kernel");
}

}  // namespace burin::cuda::detail
