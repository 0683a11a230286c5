// What every kernel test shares: awkward sizes, test data, tolerances that come from epsilon and
// magnitude; unaligned and poisoned buffers are in twin.h.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <vector>

#include "tests/support/twin.h"

namespace burin::test {

// Off every vector width, and one size that the models use.
inline const std::vector<int64_t> kSizes = {1, 3, 31, 33, 127, 257, 100352};

inline constexpr double kEpsilon = std::numeric_limits<float>::epsilon();

// Test data: reproducible, normal with the given deviation. Independent of Burin's own generator.
inline std::vector<float> random_values(int64_t n, double deviation = 1.0, uint32_t seed = 1) {
  std::mt19937 engine(seed);
  std::normal_distribution<double> normal(0.0, deviation);
  std::vector<float> values(static_cast<size_t>(n));
  for (float& v : values) v = static_cast<float>(normal(engine));
  return values;
}

// Normal values, and among them every kind of float that a formula may trip over.
inline std::vector<float> mixed_values(int64_t n, double deviation = 1.0, uint32_t seed = 1) {
  const float infinity = std::numeric_limits<float>::infinity();
  const float special[] = {0.0f,    -0.0f,  infinity, -infinity, NAN,   1e-42f,
                           -1e-42f, 1e-38f, 3e38f,    -3e38f,    17.0f, -17.0f,
                           88.7f,   -88.0f, 89.5f,    -103.0f,   1e4f,  -1e4f};
  std::vector<float> values = random_values(n, deviation, seed);
  for (size_t i = 2; i < values.size(); i += 5)
    values[i] = special[(i / 5 + seed) % std::size(special)];
  return values;
}

// The same bits; a NaN is any NaN, for devices differ in its payload.
inline void expect_same_bits(const std::vector<float>& actual, const std::vector<float>& expected,
                             const char* what = "") {
  ASSERT_EQ(actual.size(), expected.size()) << what;
  int shown = 0;
  for (size_t i = 0; i < expected.size() && shown < 5; ++i) {
    if (std::bit_cast<uint32_t>(actual[i]) == std::bit_cast<uint32_t>(expected[i])) continue;
    if (std::isnan(actual[i]) && std::isnan(expected[i])) continue;
    ++shown;
    ADD_FAILURE() << what << "[" << i << "]: " << actual[i] << " instead of " << expected[i];
  }
}

// |actual - expected| <= ulps * epsilon * max(|expected|, magnitude): `magnitude` is the size of
// the terms that the result is summed from. Infinities and NaN must agree.
inline void expect_close(double actual, double expected, double ulps, double magnitude = 0.0,
                         const char* what = "") {
  if (std::isnan(expected)) {
    EXPECT_TRUE(std::isnan(actual)) << what << ": " << actual << " instead of NaN";
    return;
  }
  if (std::isinf(expected)) {
    EXPECT_EQ(actual, expected) << what;
    return;
  }
  const double smallest = std::numeric_limits<float>::denorm_min();
  const double bound = ulps * (kEpsilon * std::max(std::abs(expected), magnitude) + smallest);
  EXPECT_LE(std::abs(actual - expected), bound)
      << what << ": " << actual << " instead of " << expected;
}

// A sum of n terms that was added in double and rounded once: half an ulp of the result, another
// where `expected` was rounded too, and what double loses on terms whose magnitudes sum to
// `magnitude`.
inline void expect_sum(double actual, double expected, int64_t n, double magnitude,
                       const char* what = "") {
  if (!std::isfinite(expected)) {
    expect_close(actual, expected, 1.0, 0.0, what);
    return;
  }
  const double bound = kEpsilon * std::abs(expected) + double(n) * 0x1p-53 * magnitude +
                       std::numeric_limits<float>::denorm_min();
  EXPECT_LE(std::abs(actual - expected), bound)
      << what << ": " << actual << " instead of " << expected << ", n " << n;
}

// Central difference (f(x + h) - f(x - h)) / 2h of a function in double.
inline double numeric_derivative(const std::function<double(double)>& f, double x) {
  const double h = 1e-5 * std::max(1.0, std::abs(x));
  return (f(x + h) - f(x - h)) / (2.0 * h);
}

}  // namespace burin::test
