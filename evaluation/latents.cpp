#include "evaluation/latents.h"

#include <algorithm>
#include <stdexcept>

namespace burin {

Mean kl_of_posteriors(const std::vector<float>& heads, int64_t latent) {
  std::vector<double> of_images;
  const size_t latents = static_cast<size_t>(latent);
  for (size_t row = 0; row < heads.size(); row += 2 * latents) {
    double sum = 0;
    for (size_t d = 0; d < latents; ++d) {
      const double mean = static_cast<double>(heads[row + d]);
      const double logvar = static_cast<double>(heads[row + latents + d]);
      sum += 0.5 * (mean * mean + std::expm1(logvar) - logvar);
    }
    of_images.push_back(sum);
  }
  return mean_of(of_images);
}

std::vector<double> variances_of_means(const std::vector<float>& heads, int64_t latent) {
  const size_t latents = static_cast<size_t>(latent), rows = heads.size() / (2 * latents);
  if (static_cast<int64_t>(rows) < kActiveLeast) {
    throw std::invalid_argument("active units: a variance needs at least 2 images");
  }
  std::vector<double> variances;
  for (size_t d = 0; d < latents; ++d) {
    double mean = 0, squares = 0;
    for (size_t row = 0; row < rows; ++row) {
      mean += static_cast<double>(heads[row * 2 * latents + d]) / static_cast<double>(rows);
    }
    for (size_t row = 0; row < rows; ++row) {
      const double away = static_cast<double>(heads[row * 2 * latents + d]) - mean;
      squares += away * away;
    }
    variances.push_back(squares / static_cast<double>(rows - 1));
  }
  return variances;
}

int64_t active_units(const std::vector<double>& variances) {
  return std::count_if(variances.begin(), variances.end(),
                       [](double variance) { return variance > kActiveVariance; });
}

}  // namespace burin
