#include "kernels/common/cuda_vector.cuh"
#include "kernels/tanh/tanh.h"

namespace burin::cuda {
namespace {

__global__ void tanh_forward_kernel(const float* x /* [n] */, float* y /* [n] */, Span span) {
  for_each_group(span, [=](int64_t i, auto width) {
    store(y + i, map(
                     width, [](float v) { return math::tanh(v); }, load(x + i, width)));
  });
}

__global__ void tanh_backward_kernel(const float* y /* [n] */, const float* d_y /* [n] */,
                                     float* d_x /* [n] */, Span span, bool accumulate) {
  for_each_group(span, [=](int64_t i, auto width) {
    const auto derivative = [](float d, float out) { return d * tanh_derivative(out); };
    store_or_add(d_x + i, map(width, derivative, load(d_y + i, width), load(y + i, width)),
                 accumulate);
  });
}

}  // namespace

void tanh_forward(const float* x, float* y, int64_t n, Stream stream) {
  if (n == 0) return;
  const Span span = span_of(n, x, y);
  tanh_forward_kernel<<<blocks_for(span), kThreads, 0, stream_of(stream)>>>(x, y, span);
  check_launch("tanh_forward_kernel");
}

void tanh_backward(const float* y, const float* d_y, float* d_x, int64_t n, bool accumulate,
                   Stream stream) {
  if (n == 0) return;
  const Span span = span_of(n, y, d_y, d_x);
  tanh_backward_kernel<<<blocks_for(span), kThreads, 0, stream_of(stream)>>>(y, d_y, d_x, span,
                                                                             accumulate);
  check_launch("tanh_backward_kernel");
}

}  // namespace burin::cuda
