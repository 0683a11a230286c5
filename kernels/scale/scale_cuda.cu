#include "kernels/common/cuda_vector.cuh"
#include "kernels/scale/scale.h"

namespace burin::cuda {
namespace {

__global__ void scale_kernel(const float* x /* [n] */, float alpha, float* y /* [n] */, Span span,
                             bool accumulate) {
  for_each_group(span, [=](int64_t i, auto width) {
    store_or_add(y + i,
                 map(
                     width, [=](float v) { return alpha * v; }, load(x + i, width)),
                 accumulate);
  });
}

}  // namespace

void scale(const float* x, float alpha, float* y, int64_t n, bool accumulate, Stream stream) {
  if (n == 0) return;
  const Span span = span_of(n, x, y);
  scale_kernel<<<blocks_for(span), kThreads, 0, stream_of(stream)>>>(x, alpha, y, span, accumulate);
  check_launch("scale_kernel");
}

}  // namespace burin::cuda
