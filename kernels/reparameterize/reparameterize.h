// The latent sample of a variational autoencoder, as a differentiable function of the posterior's
// mean and log-variance.
//   z = mean + exp(logvar / 2) * noise, noise ~ N(0, 1)   (Kingma & Welling 2013, section 2.4)
//   dz/dmean = 1, dz/dlogvar = noise * exp(logvar / 2) / 2
// docs/maths.md#reparameterize
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/common/host_device.h"
#include "kernels/common/math.h"
#include "kernels/common/philox.h"
#include "kernels/common/stream.h"

namespace burin {

BURIN_HOST_DEVICE float reparameterize(float mean, float logvar, float noise) {
  return std::fma(math::exp(0.5f * logvar), noise, mean);
}

// dz/dlogvar.
BURIN_HOST_DEVICE float reparameterize_d_logvar(float logvar, float noise) {
  return noise * (0.5f * math::exp(0.5f * logvar));
}

// Contract of both twins: n >= 0 elements; the same bits for any thread count or block order.
namespace cpu {

// noise[n] = the numbers that random_normal(noise, n, 1, key) gives; z[n] as above. Overwrites
// noise and z. z may be mean or logvar; noise overlaps nothing. The noise is what backward needs.
void reparameterize_forward(const float* mean, const float* logvar, int64_t n, RandomKey key,
                            float* noise, float* z, Stream stream);

// d_mean[n] = d_z[n], d_logvar[n] = d_z[n] * dz/dlogvar: added to both if `accumulate`, else both
// are overwritten. Without `accumulate`, d_mean may be d_z; else they overlap nothing.
void reparameterize_backward(const float* logvar, const float* noise, const float* d_z,
                             float* d_mean, float* d_logvar, int64_t n, bool accumulate,
                             Stream stream);

}  // namespace cpu

namespace cuda {
// The same signatures, by construction.
decltype(cpu::reparameterize_forward) reparameterize_forward;
decltype(cpu::reparameterize_backward) reparameterize_backward;
}  // namespace cuda

}  // namespace burin
