// Random points for tests.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "evaluation/points.h"
#include "tests/oracle.h"

namespace burin::test {

// N(shift, scale^2) in each dimension.
inline Points random_points(int64_t count, int64_t dim, unsigned seed, double shift = 0,
                            double scale = 1) {
  std::mt19937 generator(seed);
  std::normal_distribution<double> normal(shift, scale);
  std::vector<float> values;
  for (int64_t i = 0; i < count * dim; ++i) values.push_back(float(normal(generator)));
  return Points(dim, std::move(values));
}

inline oracle::Values in_double(const Points& points) {
  return {points.values.begin(), points.values.end()};
}

}  // namespace burin::test
