// What every kernel test shares: awkward sizes, unaligned and poisoned buffers, tolerances that come
// from epsilon and magnitude.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <vector>

namespace burin::test {

// Off every vector width, and one size that the models use.
inline const std::vector<int64_t> kSizes = {1, 3, 31, 33, 127, 257, 100352};

inline constexpr double kEpsilon = std::numeric_limits<float>::epsilon();

// n floats that begin `offset` floats past a 64-byte border, between two guard zones. Filled with
// NaN, so that an element that a kernel forgot to write is seen; the guards are checked at the end.
class Buffer {
 public:
  explicit Buffer(int64_t n, int64_t offset = 1) : n_(n), storage_(size_t(n + 2 * kGuard + 32)) {
    std::fill(storage_.begin(), storage_.end(), kGuardValue);
    const auto address = reinterpret_cast<uintptr_t>(storage_.data() + kGuard);
    begin_ = kGuard + int64_t((64 - address % 64) % 64 / sizeof(float)) + offset;
    poison();
  }
  Buffer(const std::vector<float>& values, int64_t offset = 1)
      : Buffer(int64_t(values.size()), offset) {
    std::copy(values.begin(), values.end(), data());
  }
  Buffer(Buffer&&) = default;
  ~Buffer() {
    if (storage_.empty()) return;
    for (int64_t i = 0; i < begin_; ++i) check_guard(i);
    for (int64_t i = begin_ + n_; i < int64_t(storage_.size()); ++i) check_guard(i);
  }

  void poison() { std::fill(data(), data() + n_, std::numeric_limits<float>::quiet_NaN()); }
  float* data() { return storage_.data() + begin_; }
  const float* data() const { return storage_.data() + begin_; }
  int64_t size() const { return n_; }
  float& operator[](int64_t i) { return data()[i]; }
  float operator[](int64_t i) const { return data()[i]; }
  std::vector<float> values() const { return {data(), data() + n_}; }

 private:
  static constexpr int64_t kGuard = 16;
  static constexpr float kGuardValue = -1.2345678e30f;
  void check_guard(int64_t i) const {
    if (storage_[size_t(i)] != kGuardValue) {
      ADD_FAILURE() << "wrote outside the buffer, at index " << i - begin_ << " of " << n_;
    }
  }
  int64_t n_;
  std::vector<float> storage_;
  int64_t begin_ = 0;
};

// Test data: reproducible, normal with the given deviation. Independent of Burin's own generator.
inline std::vector<float> random_values(int64_t n, double deviation = 1.0, uint32_t seed = 1) {
  std::mt19937 engine(seed);
  std::normal_distribution<double> normal(0.0, deviation);
  std::vector<float> values(static_cast<size_t>(n));
  for (float& v : values) v = static_cast<float>(normal(engine));
  return values;
}

// |actual - expected| <= ulps * epsilon * max(|expected|, magnitude): `magnitude` is the size of the
// terms that the result is summed from. Infinities and NaN must agree.
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

// Central difference (f(x + h) - f(x - h)) / 2h of a function in double.
inline double numeric_derivative(const std::function<double(double)>& f, double x) {
  const double h = 1e-5 * std::max(1.0, std::abs(x));
  return (f(x + h) - f(x - h)) / (2.0 * h);
}

}  // namespace burin::test
