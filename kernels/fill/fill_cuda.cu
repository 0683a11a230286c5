#include "kernels/common/cuda_vector.cuh"
#include "kernels/fill/fill.h"

namespace burin::cuda {
namespace {

__global__ void fill_kernel(float* x /* [n] */, Span span, float value) {
  for_each_group(span,
                 [=](int64_t i, auto width) { store(x + i, map(width, [=] { return value; })); });
}

}  // namespace

void fill(float* x, int64_t n, float value, Stream stream) {
  if (n == 0) return;
  const Span span = span_of(n, x);
  fill_kernel<<<blocks_for(span), kThreads, 0, stream_of(stream)>>>(x, span, value);
  check_launch("fill_kernel");
}

}  // namespace burin::cuda
