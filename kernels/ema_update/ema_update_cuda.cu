#include "kernels/common/cuda_vector.cuh"
#include "kernels/ema_update/ema_update.h"

namespace burin::cuda {
namespace {

__global__ void ema_update_kernel(const float* value /* [n] */, float* average /* [n] */, Span span,
                                  const float* decay /* [1] */) {
  __shared__ float shared_decay;  // read once a block and not once a warp
  if (threadIdx.x == 0) shared_decay = *decay;
  __syncthreads();
  for_each_group(span, [=, d = shared_decay](int64_t i, auto width) {
    const auto move = [=](float old, float now) { return ema(old, now, d); };
    store(average + i, map(width, move, load(average + i, width), load(value + i, width)));
  });
}

__global__ void masked_average_kernel(const float* value /* [n] */, const float* average /* [n] */,
                                      float* out /* [n] */, Span span) {
  for_each_group(span, [=](int64_t i, auto width) {
    const auto mask = [](float v, float mean) { return v != 0.0f ? mean : 0.0f; };
    store(out + i, map(width, mask, load(value + i, width), load(average + i, width)));
  });
}

}  // namespace

void ema_update(const float* value, float* average, int64_t n, const float* decay, Stream stream) {
  if (n == 0) return;
  const Span span = span_of(n, value, average);
  ema_update_kernel<<<blocks_for(span), kThreads, 0, stream_of(stream)>>>(value, average, span,
                                                                          decay);
  check_launch("ema_update_kernel");
}

void masked_average(const float* value, const float* average, float* out, int64_t n,
                    Stream stream) {
  if (n == 0) return;
  const Span span = span_of(n, value, average, out);
  masked_average_kernel<<<blocks_for(span), kThreads, 0, stream_of(stream)>>>(value, average, out,
                                                                              span);
  check_launch("masked_average_kernel");
}

}  // namespace burin::cuda
