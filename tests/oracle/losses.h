// Losses as functions of their inputs, summed in double without a scale.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

namespace burin::oracle {

// -t log s(x) - (1 - t) log(1 - s(x)), each logarithm through log1p: log s(x) = -log(1 + e^-x).
inline double bce_logits(double logit, double target) {
  const auto minus_log_sigmoid = [](double x) {
    return x >= 0 ? std::log1p(std::exp(-x)) : std::log1p(std::exp(x)) - x;
  };
  return target * minus_log_sigmoid(logit) + (1.0 - target) * minus_log_sigmoid(-logit);
}

// KL(N(mean, e^logvar) || N(0, 1)) of one dimension.
inline double gaussian_kl(double mean, double logvar) {
  const long double v = logvar;
  const long double m = mean;
  return static_cast<double>(0.5L * (m * m + (std::expm1(v) - v)));
}

// The same from the definition, the integral of q log(q / p), by the midpoint rule over 12 standard
// deviations to each side.
inline double gaussian_kl_integral(double mean, double logvar) {
  const double deviation = std::exp(0.5 * logvar);
  const int steps = 20000;
  const double h = 24.0 / steps;
  double total = 0.0;
  for (int i = 0; i < steps; ++i) {
    const double u = -12.0 + (i + 0.5) * h;  // z = mean + deviation u
    const double z = mean + deviation * u;
    const double density = std::exp(-0.5 * u * u) / std::sqrt(2.0 * std::acos(-1.0));
    const double log_ratio = -0.5 * u * u - 0.5 * logvar + 0.5 * z * z;
    total += density * log_ratio * h;
  }
  return total;
}

// Softmax of a row, in long double: no maximum has to be taken out for |x| up to 11000.
inline std::vector<double> softmax(const std::vector<double>& row) {
  long double total = 0.0L;
  for (const double x : row) total += std::exp(static_cast<long double>(x));
  std::vector<double> p;
  for (const double x : row) {
    p.push_back(static_cast<double>(std::exp(static_cast<long double>(x)) / total));
  }
  return p;
}

// -log softmax(row)[label].
inline double softmax_cross_entropy(const std::vector<double>& row, int64_t label) {
  // log(1 + sum over the others of e^(x - x_label)), which has no cancellation.
  long double others = 0.0L;
  for (size_t j = 0; j < row.size(); ++j) {
    if (int64_t(j) == label) continue;
    others += std::exp(static_cast<long double>(row[j]) - row[size_t(label)]);
  }
  return static_cast<double>(std::log1p(others));
}

}  // namespace burin::oracle
