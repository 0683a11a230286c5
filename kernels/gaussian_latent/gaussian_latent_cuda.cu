#include "kernels/common/cuda_random.cuh"
#include "kernels/common/cuda_reduce.cuh"
#include "kernels/common/cuda_vector.cuh"
#include "kernels/gaussian_latent/gaussian_latent.h"
#include "kernels/random_fill/normal_quad.cuh"

namespace burin::cuda {
namespace {

// The means of elements i to i + 3 of [rows, latent], or for heads + latent the log-variances: the
// `count` of them that exist, the others are 0. `vectors`: rows hold whole quads on 16-byte
// borders.
__device__ Lanes<4> load_from_heads(const float* heads /* [rows, 2 latent] */, int64_t latent,
                                    int64_t i, int64_t count, bool vectors) {
  if (vectors) return load(heads + place_in_heads(i, latent), Width<4>{});
  Lanes<4> x;
#pragma unroll
  for (int k = 0; k < 4; ++k) x.v[k] = k < count ? heads[place_in_heads(i + k, latent)] : 0.0f;
  return x;
}

// A thread takes quads, one Philox block each; the order of the sum is that of gaussian_kl.
__global__ void gaussian_latent_forward_kernel(const float* heads /* [rows, 2 latent] */, int64_t n,
                                               int64_t latent, bool vectors, float scale,
                                               RandomKey key, float* noise /* [rows, latent], n */,
                                               float* z /* [rows, latent] */, float* kl /* [1] */,
                                               Workspace workspace) {
  const uint64_t step = block_step(key);
  const auto sample = [](float m, float v, float e) { return reparameterize(m, v, e); };
  double mine = 0.0;
  for (int64_t i = 4 * grid_thread(); i < n; i += 4 * grid_threads()) {
    const int64_t count = n - i;
    const Lanes<4> mean = load_from_heads(heads, latent, i, count, vectors);
    const Lanes<4> logvar = load_from_heads(heads + latent, latent, i, count, vectors);
    const Lanes<4> drawn = normal_quad(key, step, i);
    store_quad(noise + i, drawn, count, vectors);
    store_quad(z + i, map(Width<4>{}, sample, mean, logvar, drawn), count, vectors);
#pragma unroll
    for (int k = 0; k < 4; ++k) {
      if (k >= count) break;
      const ExpRemainders remainders = exp_remainders(logvar.v[k]);
      mine += static_cast<double>(twice_gaussian_kl(mean.v[k], remainders));
    }
  }
  double total = 0.0;
  if (grid_sum(mine, workspace, &total)) {
    *kl = static_cast<float>(0.5 * static_cast<double>(scale) * total);
  }
}

// d_logvar is d_heads + latent, for both rows [2 latent]: a pointer of its own, as nvcc breaks up
// one of two vector stores through the same one.
__global__ void gaussian_latent_backward_kernel(
    const float* heads /* [rows, 2 latent] */, const float* noise /* [rows, latent] */,
    const float* d_z /* [rows, latent] */, int64_t latent, Span span, float scale, float l1_scale,
    float* d_heads /* [rows, 2 latent] */, float* d_logvar) {
  for_each_group(span, [=](int64_t i, auto width) {
    const int64_t at = place_in_heads(i, latent);
    auto mean = load(heads + at, width);
    auto logvar = load(heads + at + latent, width);
    const auto e = load(noise + i, width);
    const auto d = load(d_z + i, width);
#pragma unroll
    for (int k = 0; k < width.kValue; ++k) {
      const LatentGradient gradient =
          gaussian_latent_gradient(mean.v[k], logvar.v[k], e.v[k], d.v[k], scale, l1_scale);
      mean.v[k] = gradient.d_mean;
      logvar.v[k] = gradient.d_logvar;
    }
    store(d_heads + at, mean);
    store(d_logvar + at, logvar);
  });
}

}  // namespace

void gaussian_latent_forward(const float* heads, int64_t rows, int64_t latent, float scale,
                             RandomKey key, float* noise, float* z, float* kl, Stream stream) {
  const int64_t n = rows * latent;
  const bool vectors = latent % 4 == 0 && aligned(heads) && aligned(noise) && aligned(z);
  gaussian_latent_forward_kernel<<<sum_blocks_for(n), kThreads, 0, stream_of(stream)>>>(
      heads, n, latent, vectors, scale, key, noise, z, kl, workspace_of(stream));
  check_launch("gaussian_latent_forward_kernel");
}

void gaussian_latent_backward(const float* heads, const float* noise, const float* d_z,
                              int64_t rows, int64_t latent, float scale, float l1_scale,
                              float* d_heads, Stream stream) {
  const int64_t n = rows * latent;
  if (n == 0) return;
  const bool vectors =
      latent % 4 == 0 && aligned(heads) && aligned(noise) && aligned(d_z) && aligned(d_heads);
  const Span span = {n, 0, vectors ? n / 4 : 0};
  gaussian_latent_backward_kernel<<<blocks_for(span), kThreads, 0, stream_of(stream)>>>(
      heads, noise, d_z, latent, span, scale, l1_scale, d_heads, d_heads + latent);
  check_launch("gaussian_latent_backward_kernel");
}

}  // namespace burin::cuda
