// Metrics of sets of points, by their definitions: all pairs, one by one. Points are values[count,
// dim].
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "tests/oracle/importance.h"

namespace burin::oracle {

using Values = std::vector<double>;

inline double squared_distance(const Values& a, size_t i, const Values& b, size_t j, size_t dim) {
  double sum = 0;
  for (size_t d = 0; d < dim; ++d) sum += std::pow(a[i * dim + d] - b[j * dim + d], 2);
  return sum;
}

// Of point i of a set to its k-th nearest other one.
inline double squared_radius(const Values& a, size_t i, size_t k, size_t dim) {
  std::vector<double> others;
  for (size_t j = 0; j < a.size() / dim; ++j) {
    if (j != i) others.push_back(squared_distance(a, i, a, j, dim));
  }
  std::sort(others.begin(), others.end());
  return others.at(k - 1);
}

// The fraction of points of b that are within the radius of some point of a.
inline double within(const Values& a, const Values& b, size_t k, size_t dim) {
  size_t found = 0;
  for (size_t j = 0; j < b.size() / dim; ++j) {
    bool inside = false;
    for (size_t i = 0; i < a.size() / dim; ++i) {
      inside = inside || squared_distance(a, i, b, j, dim) <= squared_radius(a, i, k, dim);
    }
    found += inside ? 1 : 0;
  }
  return double(found) / double(b.size() / dim);
}

// Of real points and their k-th neighbours: how often a generated one is in a ball, per ball of k;
// and the fraction of balls that hold one.
struct DensityCoverage {
  double density = 0, coverage = 0;
};
inline DensityCoverage density_coverage(const Values& real, const Values& generated, size_t k,
                                        size_t dim) {
  const size_t n = real.size() / dim, m = generated.size() / dim;
  DensityCoverage result;
  for (size_t i = 0; i < n; ++i) {
    size_t in_ball = 0;
    for (size_t j = 0; j < m; ++j) {
      if (squared_distance(real, i, generated, j, dim) <= squared_radius(real, i, k, dim)) {
        ++in_ball;
      }
    }
    result.density += double(in_ball) / double(k) / double(m);
    result.coverage += in_ball > 0 ? 1.0 / double(n) : 0.0;
  }
  return result;
}

inline double kid_kernel(const Values& a, size_t i, const Values& b, size_t j, size_t dim) {
  double product = 0;
  for (size_t d = 0; d < dim; ++d) product += a[i * dim + d] * b[j * dim + d];
  return std::pow(product / double(dim) + 1.0, 3);
}

// The unbiased squared maximum mean discrepancy of as many points of each.
inline double squared_mmd(const Values& a, const Values& b, size_t dim) {
  const size_t m = a.size() / dim;
  double same = 0, cross = 0;
  for (size_t i = 0; i < m; ++i) {
    for (size_t j = 0; j < m; ++j) {
      if (i != j) same += kid_kernel(a, i, a, j, dim) + kid_kernel(b, i, b, j, dim);
      cross += kid_kernel(a, i, b, j, dim);
    }
  }
  return same / double(m * (m - 1)) - 2.0 * cross / double(m * m);
}

// log of the mean over the centres of N(point; centre, sigma^2 I).
inline double parzen(const Values& centres, const Values& points, size_t point, double sigma,
                     size_t dim) {
  std::vector<double> logs;
  for (size_t c = 0; c < centres.size() / dim; ++c) {
    double sum = 0;
    for (size_t d = 0; d < dim; ++d) {
      sum +=
          log_normal_density(points[point * dim + d], centres[c * dim + d], 2.0 * std::log(sigma));
    }
    logs.push_back(sum);
  }
  return log_mean_exp(logs);
}

// KL(N(mean, e^logvar) || N(0, 1)), by the midpoint rule.
inline double kl_of_normal(double mean, double logvar) {
  const double deviation = std::exp(0.5 * logvar);
  const int steps = 4000;
  double sum = 0;
  for (int i = 0; i < steps; ++i) {
    const double z = mean + deviation * (-10.0 + 20.0 * (i + 0.5) / steps);
    const double log_q = log_normal_density(z, mean, logvar);
    sum += std::exp(log_q) * (log_q - log_normal_density(z, 0, 0)) * deviation * 20.0 / steps;
  }
  return sum;
}

}  // namespace burin::oracle
