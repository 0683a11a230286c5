// What the cases that make batches of pixels share.
#pragma once

#include "tests/kernels/random_case.h"

namespace burin::test {

// White and black among any other.
inline Values pixel_bytes(int64_t n, const Host&, const Dims&, bool) {
  std::mt19937 engine(1);
  std::vector<uint8_t> result(static_cast<size_t>(n));
  for (size_t i = 0; i < result.size(); ++i) {
    result[i] = i % 3 == 0 ? (i % 2 == 0 ? 0 : 255) : uint8_t(engine() % 256);
  }
  return result;
}

inline constexpr const char* kRowsOffTheSectors =
    "784 bytes are 24.5 sectors: each second row begins within one, and so do a warp's reads of it";

// A byte scaled and shifted: two roundings.
inline Want scaled_pixel(uint8_t byte, float scale, float shift) {
  const double product = double{scale} * byte;
  const double expected = product + shift;
  return {expected, 0.5, std::abs(product) + std::abs(expected)};
}

}  // namespace burin::test
