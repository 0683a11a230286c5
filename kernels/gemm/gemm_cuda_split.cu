// The second half of a product whose k was cut into ranges: their sums, added in fixed order.
#include "kernels/gemm/gemm_cuda.cuh"

namespace burin::cuda::detail {
namespace {

constexpr int kThreads = 256;

__global__ __launch_bounds__(kThreads) void add_splits_kernel(
    const float* partial /* [splits, m, n] */, int splits, const Finish finish) {
  const int64_t size = finish.m * finish.n;
  const int64_t element = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (element >= size) return;
  float sum = partial[element];
#pragma unroll 4
  for (int s = 1; s < splits; ++s) sum += partial[s * size + element];
  finish.store(element / finish.n, element % finish.n, sum);
}

}  // namespace

void add_splits(const float* partial, int splits, const Finish& finish, cudaStream_t stream) {
  const int64_t blocks = (finish.m * finish.n + kThreads - 1) / kThreads;
  add_splits_kernel<<<static_cast<unsigned>(blocks), kThreads, 0, stream>>>(partial, splits,
                                                                            finish);
  check_launch("add_splits_kernel");
}

}  // namespace burin::cuda::detail
