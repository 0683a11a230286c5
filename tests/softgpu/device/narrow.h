// The formats narrower than f32: f16 and bf16, held as their bits, and tf32.
#pragma once

#include "math.h"

namespace burin::softgpu {
namespace {

// A format with kMantissa explicit bits and kExponent exponent bits, held in 16 bits.
template <u32 kMantissa, u32 kExponent>
struct Narrow {
  static constexpr u32 kBias = (1u << (kExponent - 1)) - 1;
  static constexpr u16 kNan = 0x7fff;
  static constexpr u16 kInfinity = u16(((1u << kExponent) - 1) << kMantissa);
  static constexpr u16 kLargest = u16(kInfinity - 1);

  static SG_INLINE float widen(u16 h) {
    if constexpr (kMantissa == 7) return f32(u32(h) << 16);
    const u32 sign = u32(h & 0x8000u) << 16, magnitude = h & 0x7fffu;
    if (magnitude >= kInfinity) return f32(sign | 0x7f800000u | magnitude << (23 - kMantissa));
    // Scaling by a power of two makes denormals come out right.
    const float scaled = f32(magnitude << (23 - kMantissa)) * f32((254 - kBias) << 23);
    return f32(sign | bits(scaled));
  }
  // mode: 0 nearest even, 1 down, 2 up, 3 zero.
  static inline u16 round(double x, u32 mode = 0) {
    const u64 b = bits(x);
    const u16 sign = u16(b >> 48 & 0x8000u);
    if (x != x) return kNan;
    const bool away = (mode == 1 && sign != 0) || (mode == 2 && sign == 0);
    const s32 exponent = s32(b >> 52 & 0x7ff) - 1023;
    if (exponent == 1024) return u16(sign | kInfinity);
    if (exponent < -400) return u16(sign | ((b << 1) != 0 && away ? 1 : 0));
    u64 mantissa = (b & ((1ul << 52) - 1)) | 1ul << 52;
    s32 e = exponent + s32(kBias);
    u32 drop = 52 - kMantissa;
    if (e < 1) {
      drop += u32(1 - e);
      e = 1;
      if (drop > 62) drop = 62;
    }
    const u64 rest = mantissa & ((1ul << drop) - 1), half = 1ul << (drop - 1);
    mantissa >>= drop;
    if (mode == 0 ? rest > half || (rest == half && (mantissa & 1)) : rest != 0 && away) ++mantissa;
    const u64 result = (u64(e - 1) << kMantissa) + mantissa;  // the hidden bit counts one exponent
    if (result >= kInfinity) return u16(sign | (mode == 0 || away ? kInfinity : kLargest));
    return u16(sign | result);
  }
};
using Half = Narrow<10, 5>;
using Brain = Narrow<7, 8>;

// a + b rounded to odd: a second rounding to fewer bits then gives the correctly rounded sum.
SG_INLINE double add_to_odd(double a, double b) {
  const double s = a + b;
  const double v = s - a;
  const double error = (a - (s - v)) + (b - v);
  if (error == 0 || error != error || (bits(s) & 1)) return s;
  return f64((error > 0) == (s > 0) ? bits(s) + 1 : bits(s) - 1);
}
template <class F>
SG_INLINE u16 narrow_add(u16 a, u16 b) {
  return F::round(add_to_odd(F::widen(a), F::widen(b)));
}
template <class F>
SG_INLINE u16 narrow_sub(u16 a, u16 b) {
  return F::round(add_to_odd(F::widen(a), -(double)F::widen(b)));
}
template <class F>
SG_INLINE u16 narrow_mul(u16 a, u16 b) {
  return F::round((double)F::widen(a) * F::widen(b));
}
template <class F>
SG_INLINE u16 narrow_fma(u16 a, u16 b, u16 c) {
  return F::round(add_to_odd((double)F::widen(a) * F::widen(b), F::widen(c)));
}
template <class F>
SG_INLINE u16 narrow_canon(u16 a) {
  return (a & 0x7fff) > F::kInfinity ? F::kNan : a;
}
template <class F>
SG_INLINE u16 narrow_saturate(u16 a) {
  return F::round(saturate(F::widen(a)));
}
template <class F>
SG_INLINE u16 narrow_flush(u16 a) {
  return (a & F::kInfinity) == 0 ? u16(a & 0x8000) : a;
}
// Infinity becomes the largest finite number.
template <class F>
SG_INLINE u16 narrow_finite(u16 a) {
  return (a & 0x7fff) == F::kInfinity ? u16((a & 0x8000) | F::kLargest) : a;
}
template <class F>
SG_INLINE u16 narrow_relu(u16 a) {
  return (a & 0x7fff) > F::kInfinity ? F::kNan : (a & 0x8000) ? u16(0) : a;
}
template <class F>
SG_INLINE u16 narrow_min(u16 a, u16 b, bool nan) {
  const float x = F::widen(a), y = F::widen(b);
  return narrow_canon<F>(F::round(nan ? min_nan(x, y) : min_number(x, y)));
}
template <class F>
SG_INLINE u16 narrow_max(u16 a, u16 b, bool nan) {
  const float x = F::widen(a), y = F::widen(b);
  return narrow_canon<F>(F::round(nan ? max_nan(x, y) : max_number(x, y)));
}
// Round to tf32 (10 mantissa bits): ties away from zero, as cvt.rna does.
SG_INLINE u32 round_tf32(float x) {
  const u32 b = bits(x);
  if (x != x) return 0x7fffffffu;
  if ((b & 0x7f800000u) == 0x7f800000u) return b;
  return (b + 0x1000u) & ~0x1fffu;
}

}  // namespace
}  // namespace burin::softgpu
