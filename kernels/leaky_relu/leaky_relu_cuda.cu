#include "kernels/common/cuda_check.h"
#include "kernels/leaky_relu/leaky_relu.h"

namespace burin::cuda {
namespace {

constexpr int kThreads = 256;

// Grid-stride loops: one thread takes elements i, i + threads in the grid, ...
__global__ void leaky_relu_forward_kernel(const float* x /* [n] */, float* y /* [n] */, int64_t n,
                                          float slope) {
  const int64_t stride = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < n; i += stride) {
    y[i] = leaky_relu(x[i], slope);
  }
}

__global__ void leaky_relu_backward_kernel(const float* y /* [n] */, const float* d_y /* [n] */,
                                           float* d_x /* [n] */, int64_t n, float slope,
                                           bool accumulate) {
  const int64_t stride = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < n; i += stride) {
    const float d = d_y[i] * leaky_relu_derivative(y[i], slope);
    d_x[i] = accumulate ? d_x[i] + d : d;
  }
}

// Enough blocks to fill a large card several times over; the stride loop takes what is left.
unsigned blocks_for(int64_t n) {
  const int64_t blocks = (n + kThreads - 1) / kThreads;
  return static_cast<unsigned>(blocks < 2048 ? blocks : 2048);
}

}  // namespace

void leaky_relu_forward(const float* x, float* y, int64_t n, float slope, Stream stream) {
  if (n == 0) return;
  leaky_relu_forward_kernel<<<blocks_for(n), kThreads, 0,
                              static_cast<cudaStream_t>(stream.handle)>>>(x, y, n, slope);
  check_launch("leaky_relu_forward_kernel");
}

void leaky_relu_backward(const float* y, const float* d_y, float* d_x, int64_t n, float slope,
                         bool accumulate, Stream stream) {
  if (n == 0) return;
  leaky_relu_backward_kernel<<<blocks_for(n), kThreads, 0,
                               static_cast<cudaStream_t>(stream.handle)>>>(y, d_y, d_x, n, slope,
                                                                           accumulate);
  check_launch("leaky_relu_backward_kernel");
}

}  // namespace burin::cuda
