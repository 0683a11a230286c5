// What stands between the encoder and the decoder of a variational autoencoder, in one launch each
// way: the sample of reparameterize and the divergence of gaussian_kl.
//   z  = mean + exp(logvar / 2) * noise, noise ~ N(0, 1)
//   kl = scale * sum KL(N(mean, e^logvar) || N(0, 1))
// Kingma & Welling 2013, sections 2.4 and 3, appendix B. With l1_activity's penalty on the mean.
// docs/maths.md#gaussian_latent
//
// A row of `heads` is what a dense layer of both heads puts out: [0, latent) the mean,
// [latent, 2 latent) the log-variance.
#pragma once

#include <cstdint>

#include "kernels/common/host_device.h"
#include "kernels/common/philox.h"
#include "kernels/common/stream.h"
#include "kernels/gaussian_kl/gaussian_kl.h"
#include "kernels/l1_activity/l1_activity.h"
#include "kernels/reparameterize/reparameterize.h"

namespace burin {

// Where element i of [rows, latent] has its mean in heads; its log-variance is `latent` further.
BURIN_HOST_DEVICE int64_t place_in_heads(int64_t i, int64_t latent) {
  return i + i / latent * latent;
}

struct LatentGradient {
  float d_mean, d_logvar;
};
// Each product and sum rounded by itself, in the order in which the separate rooms add: penalty
// (none if l1_scale is 0), divergence, sample.
BURIN_HOST_DEVICE LatentGradient gaussian_latent_gradient(float mean, float logvar, float noise,
                                                          float d_z, float scale, float l1_scale) {
  const float divergence = scale * mean;
  const float smooth = l1_scale != 0.0f ? l1_scale * sign(mean) + divergence : divergence;
  return {smooth + d_z, (0.5f * scale) * exp_remainders(logvar).first +
                            d_z * reparameterize_d_logvar(logvar, noise)};
}

// Contract of both twins: any rows >= 0 and latent >= 0; no two buffers overlap; the same bits for
// any thread count or block order, and the bits of the separate rooms on a contiguous mean and
// logvar: z and noise those of reparameterize_forward, kl that of the same twin's gaussian_kl,
// d_heads those of l1_activity_backward (overwriting), gaussian_kl's gradients (added) and
// reparameterize_backward (accumulating), one after the other. A NaN's payload may differ.
namespace cpu {

// z[rows, latent] as above; noise[rows, latent] = the numbers of random_normal(noise, rows *
// latent, 1, key), which backward needs; *kl as above, 0 for no elements. heads: [rows, 2 latent].
// Overwrites noise, z and kl. A logvar above 88.72 overflows to an infinite kl.
void gaussian_latent_forward(const float* heads, int64_t rows, int64_t latent, float scale,
                             RandomKey key, float* noise, float* z, float* kl, Stream stream);

// d_heads[rows, 2 latent], overwritten:
//   d_mean   = l1_scale * sign(mean) + scale * mean + d_z
//   d_logvar = scale * 1/2 (e^logvar - 1) + d_z * dz/dlogvar
// in this order of sums; without the first term if l1_scale == 0. noise, d_z: [rows, latent].
void gaussian_latent_backward(const float* heads, const float* noise, const float* d_z,
                              int64_t rows, int64_t latent, float scale, float l1_scale,
                              float* d_heads, Stream stream);

}  // namespace cpu

namespace cuda {
// The same signatures, by construction.
decltype(cpu::gaussian_latent_forward) gaussian_latent_forward;
decltype(cpu::gaussian_latent_backward) gaussian_latent_backward;
}  // namespace cuda

}  // namespace burin
