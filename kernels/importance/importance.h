// The likelihood of an image under a variational autoencoder, by importance sampling:
//   log p(x) ~ log 1/K sum_k w_k,   log w = log p(x | z) + log p(z) - log q(z | x),
//   z = mean + exp(logvar / 2) * noise, noise ~ N(0, 1)
// Burda, Grosse & Salakhutdinov 2016, equation 8. As z is made of its noise, the last two terms are
//   log p(z) - log q(z | x) = 1/2 sum over dimensions of (noise^2 - z^2 + logvar)
// The samples of an image come in chunks; the numbers drawn and the sum's bits know nothing of
// where chunks end.
// docs/maths.md#importance
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/common/host_device.h"
#include "kernels/common/math.h"
#include "kernels/common/philox.h"
#include "kernels/common/stream.h"

namespace burin {

// Philox blocks that a sample takes: a sample begins with a block of its own.
BURIN_HOST_DEVICE int64_t importance_blocks(int64_t latent) {
  return (latent + 3) / 4;
}

// The order of the sum over a sample's dimensions: quad q (dimensions 4q to 4q + 3) goes to lane
// q % lanes, which adds each of its four by itself and those four at the end; then lanes are
// halved. A power of two up to 32, a warp.
BURIN_HOST_DEVICE int importance_lanes(int64_t latent) {
  int lanes = 1;
  while (lanes < 32 && lanes < importance_blocks(latent)) lanes *= 2;
  return lanes;
}

// Squares of floats are exact in double, so that what cancels between them does so exactly.
BURIN_HOST_DEVICE double importance_term(float noise, float z, float logvar) {
  const double e = static_cast<double>(noise);
  const double x = static_cast<double>(z);
  return e * e - x * x + static_cast<double>(logvar);
}

// e^w as fraction * 2^exponent, the fraction in [0.7, 1.42].
struct ImportanceWeight {
  double fraction;
  double exponent;  // a whole number
};

// Below all exponents that there are: of a weight that is 0, or NaN.
inline constexpr double kNoExponent = -0x1p44;

// Under 2 units of double's last place. A weight below e^(-2^40) is 0, one above e^(2^40) infinite.
BURIN_HOST_DEVICE ImportanceWeight importance_weight(double w) {
  constexpr double kLog2E = 0x1.71547652b82fep0;
  constexpr double kLn2High = 0x1.62e42fefa39efp-1;
  constexpr double kLn2Low = 0x1.abc9e3b39803fp-56;
  constexpr double kRound = 0x1.8p52;  // adding it rounds to a whole number
  const double inside = w < -0x1p40 ? -0x1p40 : w > 0x1p40 ? 0x1p40 : w;
  const double n = std::fma(inside, kLog2E, kRound) - kRound;
  const double r = std::fma(n, -kLn2Low, std::fma(n, -kLn2High, inside));
  // The series to r^13 / 13!: |r| <= log(2) / 2, and the next term is below 2^-57.
  double p = 1.0 / 6227020800.0;
  p = std::fma(p, r, 1.0 / 479001600.0);
  p = std::fma(p, r, 1.0 / 39916800.0);
  p = std::fma(p, r, 1.0 / 3628800.0);
  p = std::fma(p, r, 1.0 / 362880.0);
  p = std::fma(p, r, 1.0 / 40320.0);
  p = std::fma(p, r, 1.0 / 5040.0);
  p = std::fma(p, r, 1.0 / 720.0);
  p = std::fma(p, r, 1.0 / 120.0);
  p = std::fma(p, r, 1.0 / 24.0);
  p = std::fma(p, r, 1.0 / 6.0);
  p = std::fma(p, r, 0.5);
  p = std::fma(p, r, 1.0);
  p = std::fma(p, r, 1.0);
  if (w != w) return {w, kNoExponent};
  if (w < -0x1p40) return {0.0, kNoExponent};
  if (w > 0x1p40) return {__builtin_huge_val(), n};
  return {p, n};
}

// Of importance_weights: sample s of an image goes to partial sum s % kImportanceLanes, and then
// sum l + 16 to sum l, l + 8 to l, ...; as a warp adds.
inline constexpr int kImportanceLanes = 32;

// Two estimates of the same gradient of an image's heads; Tucker et al. 2019.
enum class ImportanceEstimator {
  reparameterized,         // of the weights as they are
  doubly_reparameterized,  // the score, d log q / d heads at fixed z, brought into z in its turn
};

// What a sample adds to the gradient of its image's heads. share: of all the weights of its image.
struct ImportanceGradient {
  double mean, logvar;
};
template <ImportanceEstimator estimator>
BURIN_HOST_DEVICE ImportanceGradient importance_gradient(float mean, double inverse_variance,
                                                         float z, float d_z, float weight,
                                                         double share) {
  const double w = static_cast<double>(weight);
  const double x = static_cast<double>(z);
  const double moved = x - static_cast<double>(mean);
  if constexpr (estimator == ImportanceEstimator::reparameterized) {
    const double of_z = static_cast<double>(d_z) + w * x;
    return {of_z, 0.5 * (of_z * moved - w)};
  } else {
    const double of_z = share * (static_cast<double>(d_z) + w * (x - moved * inverse_variance));
    return {of_z, 0.5 * (of_z * moved)};
  }
}

// 2^n for a whole n <= 0; 0 below the range of normal numbers.
BURIN_HOST_DEVICE double importance_power(double n) {
  if (n < -1022.0) return 0.0;
  return __builtin_bit_cast(double, static_cast<uint64_t>(1023 + static_cast<int64_t>(n)) << 52);
}

// A weight as a share of its image's largest: e^w for w <= 0, NaN for NaN; and 0 below 2^-32, which
// moves an image's gradient by less than fp32 rounds it. Gradients of such weights would sink below
// the range of normal numbers on their way back, where x86 takes a hundred times as long for a
// product: training with 50 samples took 3.5 times as long.
inline constexpr double kSmallestShare = -22.180709777918249;  // log 2^-32
BURIN_HOST_DEVICE double importance_share(double w) {
  if (w < kSmallestShare) return 0.0;
  const ImportanceWeight weight = importance_weight(w);
  return weight.fraction * importance_power(weight.exponent);
}

// Contract of both twins: images, samples, latent >= 0; no two buffers overlap; the same bits for
// any thread count or block order, and from both twins.
namespace cpu {

// Samples first_sample, ..., first_sample + samples - 1 of each image:
//   z[images * samples, latent] as above, log_ratio[images * samples] = log p(z) - log q(z | x)
// Row i * samples + s is of image i. A row of heads[images, 2 latent] is its mean and logvar, as
// for gaussian_latent. Sample k of image i draws the numbers of random_normal from element
// 4 importance_blocks(latent) k on, at step stride * *key.step + i: they depend on the image, the
// sample and the dimension alone. stride: 1 where the step counts images, their number where it
// counts batches. Overwrites z and log_ratio. (first_sample + samples) *
// importance_blocks(latent) <= 2^32. An overflow of z gives a log_ratio of minus infinity.
void importance_sample(const float* heads, int64_t images, int64_t samples, int64_t latent,
                       int64_t first_sample, RandomKey key, uint64_t stride, float* z,
                       float* log_ratio, Stream stream);

// Adds the weights e^(log_ratio - row_loss), both [images * samples], of each image in their order:
//   sum[images] * 2^exponent[images] = what it was (0 if `first`) + sum over the samples of weights
// where exponent is the largest of all weights' so far. Any two ways to cut the same samples into
// calls give the same bits. row_loss: minus log p(x | z), as bce_logits_rows gives it. A weight
// that is NaN makes sum NaN. No weights: sum 0, exponent kNoExponent.
void importance_sum(const float* row_loss, const float* log_ratio, int64_t images, int64_t samples,
                    bool first, double* exponent, double* sum, Stream stream);

// The same as a loss to be trained on, images' own (Burda et al., equation 8), and what its
// gradient needs, equation 14:
//   image_loss[images] = -log 1/samples sum of w
//   weights[images * samples] = scale * w / (the sum of the image's w)
// where a w below 2^-32 of the image's largest counts as 0.
// samples >= 1. Overwrites both. A w that is NaN, or all that are 0, make both NaN.
void importance_weights(const float* row_loss, const float* log_ratio, int64_t images,
                        int64_t samples, float scale, float* image_loss, float* weights,
                        Stream stream);

// d_heads[images, 2 latent], overwritten: an estimate of the gradient of scale * sum of image_loss.
// Given what each row counts for, weights[images * samples], and d_z[images * samples, latent], the
// gradient through the decoder of sum of weights * row_loss:
//   d_mean   = sum over the samples of t, plus l1_scale * sign(mean)
//   d_logvar = sum over the samples of t (z - mean) / 2, less weight / 2 if reparameterized
//   t = d_z + weight z                                                     if reparameterized
//   t = share / scale (d_z + weight (z - (z - mean) e^-logvar))     if doubly_reparameterized
// as dz/dlogvar = noise e^(logvar / 2) / 2. `shares` are importance_weights' own, and so are the
// weights, of all samples; of samples drawn by them (resample) each weight is scale / draws. Sums
// are in double, in the order of the samples.
void importance_backward(ImportanceEstimator estimator, const float* heads, const float* z,
                         const float* d_z, const float* weights, const float* shares,
                         int64_t images, int64_t samples, int64_t latent, float scale,
                         float l1_scale, float* d_heads, Stream stream);

}  // namespace cpu

namespace cuda {
// The same signatures, by construction.
decltype(cpu::importance_sample) importance_sample;
decltype(cpu::importance_weights) importance_weights;
decltype(cpu::importance_backward) importance_backward;
decltype(cpu::importance_sum) importance_sum;
}  // namespace cuda

}  // namespace burin
