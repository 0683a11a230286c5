// Elementary functions in single precision, one source for CPU and GPU: branch-free, so that
// compilers vectorise loops over them, and made of correctly rounded operations only (+, *, fma,
// /), so that every instruction set and the GPU give the same bits. Polynomials: minimax fits
// (Lawson's algorithm); errors, against double, are asserted in tests/kernels/math_test.cpp.
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/common/host_device.h"

namespace burin::math {

BURIN_HOST_DEVICE uint32_t bits_of(float x) {
  return __builtin_bit_cast(uint32_t, x);
}
BURIN_HOST_DEVICE float float_of(uint32_t bits) {
  return __builtin_bit_cast(float, bits);
}

inline constexpr float kTwoPi = 6.283185307179586f;

// e^x = fraction * 2^exponent, sqrt(1/2) <= fraction <= sqrt(2), for -104 <= x <= 89.
struct ExpParts {
  float fraction;
  int32_t exponent;
};

BURIN_HOST_DEVICE ExpParts exp_parts(float x) {
  constexpr float kLog2E = 1.44269504088896341f;
  constexpr float kLn2High = 0.693359375f;  // few bits: n * kLn2High is exact
  constexpr float kLn2Low = -2.12194440e-4f;
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
  const float shifted = std::fma(x, kLog2E, kRound);
  const float n = shifted - kRound;
  float r = std::fma(n, -kLn2High, x);
  r = std::fma(n, -kLn2Low, r);
  float p = 1.3942160876e-3f;
  p = std::fma(p, r, 8.3637759089e-3f);
  p = std::fma(p, r, 4.1666362435e-2f);
  p = std::fma(p, r, 1.6666573286e-1f);
  p = std::fma(p, r, 0.5f);
  p = std::fma(p, r * r, r);
  return {p + 1.0f, static_cast<int32_t>(bits_of(shifted) - bits_of(kRound))};
}

// 2^n for -126 <= n <= 127
BURIN_HOST_DEVICE float power_of_two(int32_t n) {
  return float_of(static_cast<uint32_t>(n + 127) << 23);
}

// e^x. Under 2 ulp; 0 below -104, infinity above 88.73; NaN stays NaN.
BURIN_HOST_DEVICE float exp(float x) {
  x = x < -104.0f ? -104.0f : x;
  x = x > 89.0f ? 89.0f : x;
  const ExpParts e = exp_parts(x);
  // 2^n in two factors, so that results near overflow and in the denormal range come out right.
  const int32_t half = e.exponent >> 1;
  return e.fraction * power_of_two(half) * power_of_two(e.exponent - half);
}

// Natural logarithm. Under 2 ulp; log(0) = -infinity; NaN for x < 0; denormals are exact.
BURIN_HOST_DEVICE float log(float x) {
  constexpr float kSmallestNormal = 1.17549435e-38f;
  constexpr float kLn2High = 0.693359375f;
  constexpr float kLn2Low = -2.12194440e-4f;
  const bool denormal = x < kSmallestNormal;
  const float scaled = denormal ? x * 8388608.0f : x;
  // scaled = 2^e * m with m in [sqrt(1/2), sqrt(2)).
  const uint32_t shifted = bits_of(scaled) - 0x3f3504f3u;
  const int32_t e = (static_cast<int32_t>(shifted) >> 23) - (denormal ? 23 : 0);
  const float m = float_of((shifted & 0x007fffffu) + 0x3f3504f3u);
  const float f = m - 1.0f;
  float p = 6.9258645177e-2f;
  p = std::fma(p, f, -1.1807858944e-1f);
  p = std::fma(p, f, 1.1877914518e-1f);
  p = std::fma(p, f, -1.2381806225e-1f);
  p = std::fma(p, f, 1.4217716455e-1f);
  p = std::fma(p, f, -1.6669356823e-1f);
  p = std::fma(p, f, 2.0002272725e-1f);
  p = std::fma(p, f, -2.4999985099e-1f);
  p = std::fma(p, f, 3.3333310485e-1f);
  const float n = static_cast<float>(e);
  const float f2 = f * f;
  float low = std::fma(p, f2 * f, n * kLn2Low);
  low = std::fma(-0.5f, f2, low);
  float result = std::fma(n, kLn2High, f + low);
  const float infinity = float_of(0x7f800000u);
  result = x == 0.0f ? -infinity : result;
  result = x < 0.0f ? float_of(0x7fc00000u) : result;
  return x < infinity ? result : x;  // infinity and NaN pass through
}

// log(1 + u) for 0 <= u <= 1, accurate for small u. Under 2 ulp.
BURIN_HOST_DEVICE float log1p_unit(float u) {
  const float s = u / (2.0f + u);  // log(1 + u) = 2 atanh(s)
  const float z = s * s;
  float p = 1.1653934419e-1f;
  p = std::fma(p, z, 1.0844717920e-1f);
  p = std::fma(p, z, 1.4296723902e-1f);
  p = std::fma(p, z, 1.9999842346e-1f);
  p = std::fma(p, z, 3.3333334327e-1f);
  return 2.0f * std::fma(s * z, p, s);
}

// log(1 + e^x) without overflow. Under 3 ulp for any x, infinities included; NaN stays NaN.
BURIN_HOST_DEVICE float softplus(float x) {
  const float magnitude = x < 0.0f ? -x : x;
  return (x > 0.0f ? x : 0.0f) + log1p_unit(exp(-magnitude));
}

// 1 / (1 + e^-x) without overflow. Under 3 ulp for any x, infinities included; NaN stays NaN.
BURIN_HOST_DEVICE float sigmoid(float x) {
  const float e = exp(x < 0.0f ? x : -x);
  const float r = 1.0f / (1.0f + e);
  return x < 0.0f ? e * r : r;
}

// Hyperbolic tangent. Under 2 ulp; odd to the last bit, tanh(-0) = -0.
BURIN_HOST_DEVICE float tanh(float x) {
  const uint32_t sign = bits_of(x) & 0x80000000u;
  const float magnitude = float_of(bits_of(x) ^ sign);
  const float exponent = -2.0f * magnitude;
  // Beyond -80 the power is nothing beside 1.
  const ExpParts power = exp_parts(exponent < -80.0f ? -80.0f : exponent);
  const float e = power.fraction * power_of_two(power.exponent);
  const float large = (1.0f - e) / (1.0f + e);
  const float z = x * x;
  float p = -6.0588545166e-3f;
  p = std::fma(p, z, 2.0972659811e-2f);
  p = std::fma(p, z, -5.3846195340e-2f);
  p = std::fma(p, z, 1.3332742453e-1f);
  p = std::fma(p, z, -3.3333328366e-1f);
  const float small = std::fma(magnitude * z, p, magnitude);
  return float_of(bits_of(magnitude < 0.625f ? small : large) | sign);
}

// sin(2 pi u) and cos(2 pi u) for 0 <= u < 1; absolute error under 2e-7.
BURIN_HOST_DEVICE void sincos_turn(float u, float* sine, float* cosine) {
  constexpr float kRound = 12582912.0f;
  const float shifted = std::fma(u, 4.0f, kRound);
  const float quarter = shifted - kRound;
  const float t = kTwoPi * std::fma(quarter, -0.25f, u);  // in [-pi/4, pi/4]
  const float z = t * t;
  float s = 2.7246944683e-6f;
  s = std::fma(s, z, -1.9840063760e-4f);
  s = std::fma(s, z, 8.3333319053e-3f);
  s = std::fma(s, z, -1.6666667163e-1f);
  s = std::fma(s * z, t, t);
  float c = -2.5379179647e-7f;
  c = std::fma(c, z, 2.4783677873e-5f);
  c = std::fma(c, z, -1.3888853136e-3f);
  c = std::fma(c, z, 4.1666667908e-2f);
  c = std::fma(c * z, z, std::fma(z, -0.5f, 1.0f));
  const uint32_t quadrant = bits_of(shifted);  // its low two bits
  const bool swap = (quadrant & 1u) != 0;
  const float sine0 = swap ? c : s;
  const float cosine0 = swap ? s : c;
  *sine = (quadrant & 2u) != 0 ? -sine0 : sine0;
  *cosine = ((quadrant + 1u) & 2u) != 0 ? -cosine0 : cosine0;
}

}  // namespace burin::math
