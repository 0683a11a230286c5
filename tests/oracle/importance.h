// Importance sampling, from densities.
#pragma once

#include <cmath>
#include <vector>

namespace burin::oracle {

inline double log_normal_density(double x, double mean, double logvar) {
  const double pi = std::acos(-1.0);
  const double deviation = std::exp(0.5 * logvar);
  const double u = (x - mean) / deviation;
  return -0.5 * u * u - std::log(deviation) - 0.5 * std::log(2.0 * pi);
}

// log p(z) - log q(z | x) of one dimension, q = N(mean, e^logvar), p = N(0, 1).
inline double log_prior_ratio(double z, double mean, double logvar) {
  return log_normal_density(z, 0.0, 0.0) - log_normal_density(z, mean, logvar);
}

// Which element of the draws of an image's step is dimension d of sample k: a sample begins with a
// block of four.
inline int64_t importance_element(int64_t k, int64_t d, int64_t latent) {
  int64_t blocks = latent / 4;
  if (latent % 4 != 0) ++blocks;
  return k * blocks * 4 + d;
}

// log of the mean of e^w, in long double, the largest taken out.
inline double log_mean_exp(const std::vector<double>& w) {
  long double most = w.at(0), total = 0;
  for (const double x : w) most = std::max<long double>(most, x);
  for (const double x : w) total += std::exp(x - most);
  return static_cast<double>(most + std::log(total / static_cast<long double>(w.size())));
}

}  // namespace burin::oracle
