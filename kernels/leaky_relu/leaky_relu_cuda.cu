#include "kernels/common/cuda_vector.cuh"
#include "kernels/leaky_relu/leaky_relu.h"

namespace burin::cuda {
namespace {

__global__ void leaky_relu_forward_kernel(const float* x /* [n] */, float* y /* [n] */, Span span,
                                          float slope) {
  for_each_group(span, [=](int64_t i, auto width) {
    store(y + i, map(
                     width, [=](float v) { return leaky_relu(v, slope); }, load(x + i, width)));
  });
}

__global__ void leaky_relu_backward_kernel(const float* y /* [n] */, const float* d_y /* [n] */,
                                           float* d_x /* [n] */, Span span, float slope,
                                           bool accumulate) {
  for_each_group(span, [=](int64_t i, auto width) {
    const auto derivative = [=](float d, float out) {
      return d * leaky_relu_derivative(out, slope);
    };
    store_or_add(d_x + i, map(width, derivative, load(d_y + i, width), load(y + i, width)),
                 accumulate);
  });
}

}  // namespace

void leaky_relu_forward(const float* x, float* y, int64_t n, float slope, Stream stream) {
  if (n == 0) return;
  const Span span = span_of(n, x, y);
  leaky_relu_forward_kernel<<<blocks_for(span), kThreads, 0, stream_of(stream)>>>(x, y, span,
                                                                                  slope);
  check_launch("leaky_relu_forward_kernel");
}

void leaky_relu_backward(const float* y, const float* d_y, float* d_x, int64_t n, float slope,
                         bool accumulate, Stream stream) {
  if (n == 0) return;
  const Span span = span_of(n, y, d_y, d_x);
  leaky_relu_backward_kernel<<<blocks_for(span), kThreads, 0, stream_of(stream)>>>(
      y, d_y, d_x, span, slope, accumulate);
  check_launch("leaky_relu_backward_kernel");
}

}  // namespace burin::cuda
