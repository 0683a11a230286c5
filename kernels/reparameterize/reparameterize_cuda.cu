#include "kernels/common/cuda_random.cuh"
#include "kernels/common/cuda_vector.cuh"
#include "kernels/random_fill/normal_quad.cuh"
#include "kernels/reparameterize/reparameterize.h"

namespace burin::cuda {
namespace {

// A thread takes quads, one Philox block each.
__global__ void reparameterize_forward_kernel(const float* mean /* [n] */,
                                              const float* logvar /* [n] */, int64_t n,
                                              bool vectors, RandomKey key, float* noise /* [n] */,
                                              float* z /* [n] */) {
  const uint64_t step = block_step(key);
  const auto sample = [](float m, float v, float e) { return reparameterize(m, v, e); };
  for (int64_t i = 4 * grid_thread(); i < n; i += 4 * grid_threads()) {
    const int64_t count = n - i;
    const Lanes<4> drawn = normal_quad(key, step, i);
    const Lanes<4> sampled = map(Width<4>{}, sample, load_quad(mean + i, count, vectors),
                                 load_quad(logvar + i, count, vectors), drawn);
    store_quad(noise + i, drawn, count, vectors);
    store_quad(z + i, sampled, count, vectors);
  }
}

__global__ void reparameterize_backward_kernel(const float* logvar /* [n] */,
                                               const float* noise /* [n] */,
                                               const float* d_z /* [n] */, float* d_mean /* [n] */,
                                               float* d_logvar /* [n] */, Span span,
                                               bool accumulate) {
  for_each_group(span, [=](int64_t i, auto width) {
    const auto d = load(d_z + i, width);
    const auto derivative = [](float v, float e, float d_out) {
      return d_out * reparameterize_d_logvar(v, e);
    };
    store_or_add(d_logvar + i,
                 map(width, derivative, load(logvar + i, width), load(noise + i, width), d),
                 accumulate);
    store_or_add(d_mean + i, d, accumulate);
  });
}

}  // namespace

void reparameterize_forward(const float* mean, const float* logvar, int64_t n, RandomKey key,
                            float* noise, float* z, Stream stream) {
  if (n == 0) return;
  const bool vectors = aligned(mean) && aligned(logvar) && aligned(noise) && aligned(z);
  reparameterize_forward_kernel<<<blocks_for((n + 3) / 4), kThreads, 0, stream_of(stream)>>>(
      mean, logvar, n, vectors, key, noise, z);
  check_launch("reparameterize_forward_kernel");
}

void reparameterize_backward(const float* logvar, const float* noise, const float* d_z,
                             float* d_mean, float* d_logvar, int64_t n, bool accumulate,
                             Stream stream) {
  if (n == 0) return;
  const Span span = span_of(n, logvar, noise, d_z, d_mean, d_logvar);
  reparameterize_backward_kernel<<<blocks_for(span), kThreads, 0, stream_of(stream)>>>(
      logvar, noise, d_z, d_mean, d_logvar, span, accumulate);
  check_launch("reparameterize_backward_kernel");
}

}  // namespace burin::cuda
