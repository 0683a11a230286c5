// Arithmetic of translated kernels, by PTX's rules: NaN results are canonical, minimum and maximum
// prefer the number, division by zero gives all ones, conversions saturate.
#pragma once

#include "memory.h"

namespace burin::softgpu {
namespace {

// ---- Bits
// ----------------------------------------------------------------------------------------
SG_INLINE u32 bits(float x) {
  return __builtin_bit_cast(u32, x);
}
SG_INLINE u64 bits(double x) {
  return __builtin_bit_cast(u64, x);
}
SG_INLINE float f32(u32 x) {
  return __builtin_bit_cast(float, x);
}
SG_INLINE double f64(u64 x) {
  return __builtin_bit_cast(double, x);
}
SG_INLINE float canon(float x) {
  return x == x ? x : f32(0x7fffffffu);
}
SG_INLINE double canon(double x) {
  return x == x ? x : f64(0x7fffffffffffffffu);
}
SG_INLINE bool is_nan(float x) {
  return x != x;
}
SG_INLINE bool is_nan(double x) {
  return x != x;
}
SG_INLINE float ftz(float x) {
  return (bits(x) & 0x7f800000u) == 0 ? f32(bits(x) & 0x80000000u) : x;
}
SG_INLINE float saturate(float x) {
  return x > 0.0f ? (x < 1.0f ? x : 1.0f) : 0.0f;
}
SG_INLINE double saturate(double x) {
  return x > 0.0 ? (x < 1.0 ? x : 1.0) : 0.0;
}

template <class T>
struct UnsignedOf;
template <>
struct UnsignedOf<u8> {
  using Type = u8;
};
template <>
struct UnsignedOf<u16> {
  using Type = u16;
};
template <>
struct UnsignedOf<u32> {
  using Type = u32;
};
template <>
struct UnsignedOf<u64> {
  using Type = u64;
};
template <>
struct UnsignedOf<s16> {
  using Type = u16;
};
template <>
struct UnsignedOf<s32> {
  using Type = u32;
};
template <>
struct UnsignedOf<s64> {
  using Type = u64;
};
template <class T>
using std_unsigned = typename UnsignedOf<T>::Type;

// ---- Integers
// ------------------------------------------------------------------------------------
template <class T>
SG_INLINE T divide(T a, T b) {
  if (b == 0) return T(~T(0));
  if constexpr (T(-1) < T(0)) {
    if (b == T(-1)) return T(-(u64)a);
  }
  return T(a / b);
}
template <class T>
SG_INLINE T remainder(T a, T b) {
  if (b == 0) return a;
  if constexpr (T(-1) < T(0)) {
    if (b == T(-1)) return 0;
  }
  return T(a % b);
}
SG_INLINE u64 mul_hi(u64 a, u64 b) {
  return u64((unsigned __int128)a * b >> 64);
}
SG_INLINE s64 mul_hi(s64 a, s64 b) {
  return s64((__int128)a * b >> 64);
}
SG_INLINE u32 mul_hi(u32 a, u32 b) {
  return u32(u64(a) * b >> 32);
}
SG_INLINE s32 mul_hi(s32 a, s32 b) {
  return s32(s64(a) * b >> 32);
}
SG_INLINE u16 mul_hi(u16 a, u16 b) {
  return u16(u32(a) * b >> 16);
}
SG_INLINE s16 mul_hi(s16 a, s16 b) {
  return s16(s32(a) * b >> 16);
}
SG_INLINE s32 add_saturated(s32 a, s32 b) {
  const s64 s = s64(a) + b;
  return s > 0x7fffffff ? 0x7fffffff : s < -0x7fffffffl - 1 ? s32(0x80000000u) : s32(s);
}
SG_INLINE s32 sub_saturated(s32 a, s32 b) {
  const s64 s = s64(a) - b;
  return s > 0x7fffffff ? 0x7fffffff : s < -0x7fffffffl - 1 ? s32(0x80000000u) : s32(s);
}
template <class T>
SG_INLINE T shift_left(T a, u32 n) {
  return n >= sizeof(T) * 8 ? T(0) : T(a << n);
}
template <class T>
SG_INLINE T shift_right(T a, u32 n) {
  constexpr u32 w = sizeof(T) * 8;
  if constexpr (T(-1) < T(0)) return T(a >> (n >= w ? w - 1 : n));
  return n >= w ? T(0) : T(a >> n);
}
SG_INLINE u32 funnel_left(u32 low, u32 high, u32 n) {  // n <= 32
  return u32(((u64(high) << 32 | low) << n) >> 32);
}
SG_INLINE u32 funnel_right(u32 low, u32 high, u32 n) {
  return u32((u64(high) << 32 | low) >> n);
}
SG_INLINE u32 count_zeros(u32 a) {
  return a == 0 ? 32 : u32(__builtin_clz(a));
}
SG_INLINE u32 count_zeros(u64 a) {
  return a == 0 ? 64 : u32(__builtin_clzl(a));
}
template <class T>
SG_INLINE u32 find_top(T a, bool shift_amount) {
  using U = std_unsigned<T>;
  U v = U(a);
  if constexpr (T(-1) < T(0)) {
    if (a < 0) v = U(~v);
  }
  if (v == 0) return ~0u;
  const u32 top = u32(sizeof(T) * 8) - 1 - count_zeros(v);
  return shift_amount ? u32(sizeof(T) * 8) - 1 - top : top;
}
SG_INLINE u32 reverse_bits(u32 a) {
  a = (a >> 1 & 0x55555555u) | (a & 0x55555555u) << 1;
  a = (a >> 2 & 0x33333333u) | (a & 0x33333333u) << 2;
  a = (a >> 4 & 0x0f0f0f0fu) | (a & 0x0f0f0f0fu) << 4;
  return __builtin_bswap32(a);
}
SG_INLINE u64 reverse_bits(u64 a) {
  return u64(reverse_bits(u32(a))) << 32 | reverse_bits(u32(a >> 32));
}
template <class T>
SG_INLINE T extract_bits(T a, u32 b, u32 c) {
  using U = std_unsigned<T>;
  constexpr u32 msb = sizeof(T) * 8 - 1;
  const u32 pos = b & 0xff, len = c & 0xff;
  if (len == 0) return 0;
  U sign = 0;
  if constexpr (T(-1) < T(0)) sign = U(U(a) >> (pos + len - 1 < msb ? pos + len - 1 : msb)) & 1;
  U d = shift_right(U(a), pos);
  const u32 have = pos > msb ? 0 : (len < msb + 1 - pos ? len : msb + 1 - pos);
  const U mask = have > msb ? U(~U(0)) : U((U(1) << have) - 1);
  d &= mask;
  return T(sign ? U(d | U(~mask)) : d);
}
template <class T>
SG_INLINE T insert_bits(T a, T b, u32 c, u32 d) {
  constexpr u32 width = sizeof(T) * 8;
  const u32 pos = c & 0xff, len = d & 0xff;
  if (pos >= width || len == 0) return b;
  const u32 have = len < width - pos ? len : width - pos;
  const T mask = T((have == width ? T(~T(0)) : T((T(1) << have) - 1)) << pos);
  return T((b & ~mask) | (T(a << pos) & mask));
}
SG_INLINE u32 lop3(u32 a, u32 b, u32 c, u32 table) {
  u32 r = 0;
  if (table & 0x01) r |= ~a & ~b & ~c;
  if (table & 0x02) r |= ~a & ~b & c;
  if (table & 0x04) r |= ~a & b & ~c;
  if (table & 0x08) r |= ~a & b & c;
  if (table & 0x10) r |= a & ~b & ~c;
  if (table & 0x20) r |= a & ~b & c;
  if (table & 0x40) r |= a & b & ~c;
  if (table & 0x80) r |= a & b & c;
  return r;
}
SG_INLINE u32 permute(u32 a, u32 b, u32 selector) {
  const u64 bytes = u64(b) << 32 | a;
  u32 r = 0;
  for (u32 i = 0; i < 4; ++i) {
    const u32 s = selector >> (4 * i) & 15;
    u32 v = u32(bytes >> (8 * (s & 7))) & 0xff;
    if (s & 8) v = v & 0x80 ? 0xff : 0;
    r |= v << (8 * i);
  }
  return r;
}
// The byte-shifting modes of prmt: which of the eight bytes goes where.
inline u32 permute_mode(u32 a, u32 b, u32 c, u32 mode) {
  constexpr u32 table[6][4] = {
      {0x3210, 0x4321, 0x5432, 0x6543}, {0x5670, 0x6701, 0x7012, 0x0123},   // f4e b4e
      {0x0000, 0x1111, 0x2222, 0x3333}, {0x3210, 0x3211, 0x3222, 0x3333},   // rc8 ecl
      {0x0000, 0x1110, 0x2210, 0x3210}, {0x1010, 0x3232, 0x1010, 0x3232}};  // ecr rc16
  return permute(a, b, table[mode][c & 3]);
}

// ---- Minimum, maximum, integer conversion
// ---------------------------------------------------------
template <class T>
SG_INLINE T min_number(T a, T b) {
  if (is_nan(a)) return b;
  if (is_nan(b)) return a;
  if (a == b) return __builtin_signbit(a) ? a : b;
  return a < b ? a : b;
}
template <class T>
SG_INLINE T max_number(T a, T b) {
  if (is_nan(a)) return b;
  if (is_nan(b)) return a;
  if (a == b) return __builtin_signbit(a) ? b : a;
  return a > b ? a : b;
}
template <class T>
SG_INLINE T min_nan(T a, T b) {
  return is_nan(a) ? a : is_nan(b) ? b : min_number(a, b);
}
template <class T>
SG_INLINE T max_nan(T a, T b) {
  return is_nan(a) ? a : is_nan(b) ? b : max_number(a, b);
}
// The sign is the exclusive or of the signs, the size that of min or max of the sizes.
template <class T>
SG_INLINE T with_sign(T size, T a, T b) {
  return __builtin_signbit(a) != __builtin_signbit(b) ? -__builtin_fabs(size)
                                                      : __builtin_fabs(size);
}

// x is already rounded to an integer. Out of range saturates; NaN gives 0 (or, for 64-bit results,
// the most negative, 0x8000000000000000).
template <class T>
SG_INLINE T to_integer(double x) {
  constexpr bool is_signed = T(-1) < T(0);
  constexpr u32 width = sizeof(T) * 8;
  constexpr T highest =
      is_signed ? T(~(u64(1) << (width - 1)) & (width == 64 ? ~0ul : (1ul << (width & 63)) - 1))
                : T(~T(0));
  constexpr T lowest = is_signed ? T(u64(1) << (width - 1)) : T(0);
  if (x != x) return width == 64 ? T(u64(1) << 63) : T(0);
  const double limit =
      is_signed ? f64((u64(1023 + width - 1)) << 52) : f64((u64(1023 + width)) << 52);
  if (x >= limit) return highest;
  if (is_signed ? x < -limit : x < 0) return lowest;
  return T(x);
}
SG_INLINE double round_integer(double x, u32 mode) {  // 0 nearest even, 1 down, 2 up, 3 zero
  switch (mode) {
    case 0:
      return __builtin_rint(x);
    case 1:
      return __builtin_floor(x);
    case 2:
      return __builtin_ceil(x);
    default:
      return __builtin_trunc(x);
  }
}
// Saturating narrowing of integers (cvt.sat).
template <class To, class From>
SG_INLINE To clamp_integer(From x) {
  const __int128 v = x;
  constexpr bool is_signed = To(-1) < To(0);
  const __int128 high =
      is_signed ? ((__int128)1 << (sizeof(To) * 8 - 1)) - 1 : ((__int128)1 << sizeof(To) * 8) - 1;
  const __int128 low = is_signed ? -high - 1 : 0;
  return To(v > high ? high : v < low ? low : v);
}

}  // namespace
}  // namespace burin::softgpu
