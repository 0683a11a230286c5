// KL divergence of a diagonal Gaussian from the standard normal, value and gradient in one pass.
//   KL(N(mean, e^logvar) || N(0, 1)) = 1/2 sum (mean^2 + e^logvar - 1 - logvar)
//   d / d mean = mean       d / d logvar = 1/2 (e^logvar - 1)
// Kingma & Welling 2013, appendix B (with the sign turned: they give -KL).
// docs/maths.md#gaussian_kl
#pragma once

#include <cstdint>

#include "kernels/common/host_device.h"
#include "kernels/common/math.h"
#include "kernels/common/stream.h"

namespace burin {

// e^v - 1 - v and e^v - 1. Both vanish at v = 0, where an untrained or unused latent sits, and
// subtracting there would leave rounding noise only; below 1/2 they come from the power series.
struct ExpRemainders {
  float second;  // e^v - 1 - v
  float first;   // e^v - 1
};
BURIN_HOST_DEVICE ExpRemainders exp_remainders(float v) {
  // (e^v - 1 - v) / v^2 = sum of v^k / (k + 2)!, k to 7: the rest is under 2^-28 of it.
  float p = 1.0f / 362880.0f;
  p = std::fma(p, v, 1.0f / 40320.0f);
  p = std::fma(p, v, 1.0f / 5040.0f);
  p = std::fma(p, v, 1.0f / 720.0f);
  p = std::fma(p, v, 1.0f / 120.0f);
  p = std::fma(p, v, 1.0f / 24.0f);
  p = std::fma(p, v, 1.0f / 6.0f);
  p = std::fma(p, v, 0.5f);
  const float series = v * v * p;
  const float difference = math::exp(v) - 1.0f;
  const bool small = (v < 0.0f ? -v : v) < 0.5f;
  return {small ? series : difference - v, small ? v + series : difference};
}

// mean^2 + e^logvar - 1 - logvar: twice the divergence of an element, from its log-variance's
// remainders.
BURIN_HOST_DEVICE float twice_gaussian_kl(float mean, const ExpRemainders& remainders) {
  return std::fma(mean, mean, remainders.second);
}

// Contract of both twins: contiguous mean[n] and logvar[n]; the same bits for any thread count or
// block order. A logvar above 88.72 overflows to infinity.
namespace cpu {

// Elements a thread takes at least: an exponential each. A part of the order of the sum, which
// gaussian_latent has too.
inline constexpr int64_t kGaussianKlGrain = 8192;

// *loss = scale * 1/2 * sum over n of (mean^2 + e^logvar - 1 - logvar);
// d_mean[n] = scale * mean; d_logvar[n] = scale * 1/2 * (e^logvar - 1).
// Overwrites all three; the gradients are both given or both nullptr (value only), and may be mean
// and logvar. n = 0 gives 0.
void gaussian_kl(const float* mean, const float* logvar, int64_t n, float scale, float* loss,
                 float* d_mean, float* d_logvar, Stream stream);

}  // namespace cpu

namespace cuda {
// The same signature, by construction.
decltype(cpu::gaussian_kl) gaussian_kl;
}  // namespace cuda

}  // namespace burin
