#include "kernels/common/cuda_launch.cuh"
#include "kernels/select_columns/select_columns.h"

namespace burin::cuda {
namespace {

__global__ __launch_bounds__(kThreads) void select_columns_kernel(
    const float* x /* [rows, cols] */, int64_t cols, const int32_t* columns /* [n] */, int64_t n,
    float* y /* [rows, n] */, int64_t elements) {
  for (int64_t i = grid_thread(); i < elements; i += grid_threads()) {
    const int32_t column = columns[i % n];
    y[i] = column < 0 ? 0.0f : x[i / n * cols + column];
  }
}

}  // namespace

void select_columns(const float* x, int64_t rows, int64_t cols, const int32_t* columns, int64_t n,
                    float* y, Stream stream) {
  if (rows == 0 || n == 0) return;
  select_columns_kernel<<<blocks_for(rows * n), kThreads, 0, stream_of(stream)>>>(x, cols, columns,
                                                                                  n, y, rows * n);
  check_launch("select_columns_kernel");
}

}  // namespace burin::cuda
