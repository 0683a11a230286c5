#include "evaluation/parzen.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <stdexcept>

#include "evaluation/distances.h"
#include "kernels/common/parallel.h"

namespace burin {
namespace {

constexpr double kNegligible = 50;

// log sum over j of e^(-d_j / (2 sigma^2)).
double log_sum(const float* d, int64_t n, double sigma) {
  const double nearest = static_cast<double>(*std::min_element(d, d + n));
  const double factor = 1.0 / (2.0 * sigma * sigma);
  const float farthest = static_cast<float>(nearest + kNegligible / factor);
  double sum = 0;
  for (int64_t j = 0; j < n; ++j) {
    if (d[j] > farthest) continue;
    sum += std::exp((nearest - static_cast<double>(d[j])) * factor);
  }
  return std::log(sum) - nearest * factor;
}

}  // namespace

std::vector<std::vector<double>> parzen_log_likelihoods(const Points& centres, const Points& points,
                                                        const std::vector<double>& sigmas) {
  for (const double sigma : sigmas) {
    if (!(sigma > 0)) throw std::invalid_argument("parzen: sigma is not above 0");
  }
  if (centres.count < 1) throw std::invalid_argument("parzen: no centres");
  std::vector<std::vector<double>> all(sigmas.size(),
                                       std::vector<double>(static_cast<size_t>(points.count)));
  const double dim = static_cast<double>(points.dim);
  squared_distances(points, centres, [&](int64_t first, int64_t rows, const float* d) {
    cpu::parallel_for(rows, 8, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        for (size_t s = 0; s < sigmas.size(); ++s) {
          all[s][static_cast<size_t>(first + i)] =
              log_sum(d + i * centres.count, centres.count, sigmas[s]) -
              std::log(static_cast<double>(centres.count)) -
              0.5 * dim * std::log(2.0 * std::numbers::pi * sigmas[s] * sigmas[s]);
        }
      }
    });
  });
  return all;
}

std::vector<double> parzen_sigmas() {
  std::vector<double> sigmas;
  for (int i = 0; i < 10; ++i) sigmas.push_back(std::pow(10.0, -1.0 + i / 9.0));
  return sigmas;
}

Parzen parzen(const Points& centres, const Points& held_out, const Points& points) {
  const std::vector<double> sigmas = parzen_sigmas();
  const auto of_held_out = parzen_log_likelihoods(centres, held_out, sigmas);
  size_t best = 0;
  for (size_t s = 1; s < sigmas.size(); ++s) {
    if (mean_of(of_held_out[s]).value > mean_of(of_held_out[best]).value) best = s;
  }
  return {mean_of(parzen_log_likelihoods(centres, points, {sigmas[best]})[0]), sigmas[best]};
}

}  // namespace burin
