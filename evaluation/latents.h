// What a VAE's encoder says of a set of images.
//   KL            sum over latents of 1/2 (mean^2 + e^logvar - 1 - logvar), in nats
//                 Kingma & Welling 2013, appendix B
//   active units  the latents whose posterior mean varies by more than 0.01 over the images:
//                 Var_x(E_{q(z|x)}[z]) > 0.01, Burda et al. 2016, section 5.2
// docs/evaluation.md#kl-and-active-units
#pragma once

#include <cstdint>
#include <vector>

#include "evaluation/mean.h"

namespace burin {

inline constexpr double kActiveVariance = 0.01;
inline constexpr int64_t kActiveLeast = 2;  // images

// Of heads[images, 2 latent], means and then log-variances (Vae::posteriors): over the images.
Mean kl_of_posteriors(const std::vector<float>& heads, int64_t latent);

// Variance of each latent's posterior mean, [latent], over images - 1. Throws std::invalid_argument
// for fewer than kActiveLeast images.
std::vector<double> variances_of_means(const std::vector<float>& heads, int64_t latent);

int64_t active_units(const std::vector<double>& variances);

}  // namespace burin
