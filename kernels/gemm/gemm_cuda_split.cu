// The second half of a product whose k was cut into ranges: their sums, added in fixed order. And
// the sums of rows for rungs that do not make them beside their tiles.
#include "kernels/gemm/gemm_cuda.cuh"

namespace burin::cuda::detail {
namespace {

constexpr int kThreads = 256;

// Elements of C first, then rows.
__global__ __launch_bounds__(kThreads) void add_splits_kernel(
    const float* partial /* [splits, m, n] */, int splits, const Finish finish,
    const SplitRowSums rows) {
  const int64_t size = finish.m * finish.n;
  const int64_t element = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (element < size) {
    float sum = partial[element];
#pragma unroll 4
    for (int s = 1; s < splits; ++s) sum += partial[s * size + element];
    finish.store(element / finish.n, element % finish.n, sum);
    return;
  }
  const int64_t row = element - size;
  if (rows.row_sum == nullptr || row >= finish.m) return;
  double total = 0.0;
  for (int s = 0; s < splits; ++s) total += static_cast<double>(rows.partial[s * finish.m + row]);
  const float sum = static_cast<float>(total);
  rows.row_sum[row] = rows.accumulate ? rows.row_sum[row] + sum : sum;
}

__global__ __launch_bounds__(kThreads) void sum_rows_kernel(const Product x) {
  sums_rows(x, place_in_grid());
}

}  // namespace

void add_splits(const float* partial, int splits, const Finish& finish, const SplitRowSums& rows,
                cudaStream_t stream) {
  const int64_t items = finish.m * finish.n + (rows.row_sum == nullptr ? 0 : finish.m);
  const int64_t blocks = (items + kThreads - 1) / kThreads;
  add_splits_kernel<<<static_cast<unsigned>(blocks), kThreads, 0, stream>>>(partial, splits, finish,
                                                                            rows);
  check_launch("add_splits_kernel");
}

void sum_rows_alone(const Product& x, cudaStream_t stream) {
  if (x.row_sum == nullptr || x.m == 0) return;
  sum_rows_kernel<<<x.sum_blocks, kThreads, 0, stream>>>(x);
  check_launch("sum_rows_kernel");
}

}  // namespace burin::cuda::detail
