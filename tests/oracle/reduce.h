// Sums in long double, one element after the other.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

namespace burin::oracle {

inline double sum(const std::vector<float>& x) {
  long double total = 0.0L;
  for (const float v : x) total += v;
  return static_cast<double>(total);
}

inline double abs_sum(const std::vector<float>& x) {
  long double total = 0.0L;
  for (const float v : x) total += std::fabs(static_cast<long double>(v));
  return static_cast<double>(total);
}

inline double sum_of_squares(const std::vector<float>& x) {
  long double total = 0.0L;
  for (const float v : x) total += static_cast<long double>(v) * v;
  return static_cast<double>(total);
}

// Column `column` of x[rows, ld].
inline double column_sum(const float* x, int64_t rows, int64_t ld, int64_t column) {
  long double total = 0.0L;
  for (int64_t row = 0; row < rows; ++row) total += x[row * ld + column];
  return static_cast<double>(total);
}

}  // namespace burin::oracle
