#include "kernels/clip_norm/clip_norm.h"
#include "kernels/common/cuda_vector.cuh"

namespace burin::cuda {
namespace {

__global__ void clip_norm_kernel(float* g /* [n] */, Span span, const float* squares /* [count] */,
                                 int count, float most) {
  __shared__ float shared_factor;  // read once a block and not once a warp
  if (threadIdx.x == 0) shared_factor = clip_factor(squares, count, most);
  __syncthreads();
  const float factor = shared_factor;
  if (factor == 1.0f) return;
  for_each_group(span, [=](int64_t i, auto width) {
    store(g + i, map(
                     width, [=](float v) { return factor * v; }, load(g + i, width)));
  });
}

}  // namespace

void clip_norm(float* g, int64_t n, const float* squares, int count, float most, Stream stream) {
  if (n == 0) return;
  const Span span = span_of(n, g);
  clip_norm_kernel<<<blocks_for(span), kThreads, 0, stream_of(stream)>>>(g, span, squares, count,
                                                                         most);
  check_launch("clip_norm_kernel");
}

}  // namespace burin::cuda
