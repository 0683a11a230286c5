// Fills with random numbers.
//   uniform: u = (word >> 8) * 2^-24                        (one word an element)
//   normal:  sqrt(-2 log u1) * (cos, sin)(2 pi u2)          (Box & Muller 1958)
// Keying: kernels/common/philox.h.
// docs/maths.md#random_fill
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/common/host_device.h"
#include "kernels/common/math.h"
#include "kernels/common/philox.h"
#include "kernels/common/stream.h"

namespace burin {

// Two independent standard normals from two words, the cosine's first. Elements 4b and 4b + 1 come
// from words 0 and 1 of block b, 4b + 2 and 4b + 3 from words 2 and 3. At most sqrt(48 log 2)
// = 5.77 in magnitude, as u1 is a multiple of 2^-24 in (0, 1].
BURIN_HOST_DEVICE void normal_pair(uint32_t word0, uint32_t word1, float* first, float* second) {
  const float u1 = static_cast<float>(static_cast<int32_t>(word0 >> 8) + 1) * 0x1p-24f;
  const float radius = std::sqrt(-2.0f * math::log(u1));
  float sine, cosine;
  math::sincos_turn(uniform_of(word1), &sine, &cosine);
  *first = radius * cosine;
  *second = radius * sine;
}

// Contract of both twins: n >= 0 elements; the same bits for any thread count or block order.
namespace cpu {

// x[n] = low + (high - low) * u, overwritten: in [low, high), but that rounding may reach `high`
// where high - low is not a power of two.
void random_uniform(float* x, int64_t n, float low, float high, RandomKey key, Stream stream);

// x[n] = deviation * standard normal, overwritten.
void random_normal(float* x, int64_t n, float deviation, RandomKey key, Stream stream);

}  // namespace cpu

namespace cuda {
// The same signatures, by construction.
decltype(cpu::random_uniform) random_uniform;
decltype(cpu::random_normal) random_normal;
}  // namespace cuda

}  // namespace burin
