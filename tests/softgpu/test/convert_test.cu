// cvt, and the arithmetic of halves: all 65536 patterns where there are no more.
#include <cfenv>
#include <cstring>

#include "test/support/device_run.h"

namespace {

using s32 = int32_t;
using u32 = uint32_t;
using s64 = int64_t;
using u64 = uint64_t;
using u16 = uint16_t;
const std::vector<char> kNone = {0};

#define CVT(NAME, OP, R, A, CR, CA) \
  OPERATION(NAME, R, A, char, char, asm volatile("cvt." OP " %0, %1;" : "=" CR(r) : CA(x)))
CVT(RniS32, "rni.s32.f32", s32, float, "r", "f")
CVT(RziS32, "rzi.s32.f32", s32, float, "r", "f")
CVT(RmiU32, "rmi.u32.f32", u32, float, "r", "f")
CVT(RpiS64, "rpi.s64.f32", s64, float, "l", "f")
CVT(RziU64, "rzi.u64.f64", u64, double, "l", "d")
CVT(RniF32, "rni.f32.f32", float, float, "f", "f")
CVT(RmiF64, "rmi.f64.f64", double, double, "d", "d")
CVT(SatF32, "sat.f32.f32", float, float, "f", "f")
CVT(NarrowRn, "rn.f32.f64", float, double, "f", "d")
CVT(NarrowRz, "rz.f32.f64", float, double, "f", "d")
CVT(NarrowRp, "rp.f32.f64", float, double, "f", "d")
CVT(FromS32, "rn.f32.s32", float, s32, "f", "r")
CVT(FromU32Rz, "rz.f32.u32", float, u32, "f", "r")
CVT(FromU64, "rn.f32.u64", float, u64, "f", "l")
CVT(FromU64Rp, "rp.f32.u64", float, u64, "f", "l")
CVT(FromS64, "rm.f64.s64", double, s64, "d", "l")
CVT(SatU8, "sat.u8.s32", s32, s32, "r", "r")
CVT(SatS16, "sat.s16.s32", int16_t, s32, "h", "r")
CVT(SignExtend, "s64.s32", s64, s32, "l", "r")
CVT(LowByte, "s32.s8", s32, s32, "r", "r")
CVT(Tf32, "rna.tf32.f32", u32, float, "r", "f")
CVT(HalfToFloat, "f32.f16", float, u16, "f", "h")
CVT(FloatToHalf, "rn.f16.f32", u16, float, "h", "f")
CVT(FloatToHalfRz, "rz.f16.f32", u16, float, "h", "f")
CVT(FloatToBrain, "rn.bf16.f32", u16, float, "h", "f")
CVT(DoubleToHalf, "rn.f16.f64", u16, double, "h", "d")
CVT(IntToHalf, "rn.f16.s32", u16, s32, "h", "r")
OPERATION(Pack, u32, float, float, char,
          asm volatile("cvt.rn.bf16x2.f32 %0, %1, %2;"
                       : "=r"(r)
                       : "f"(x), "f"(y)))

template <class T>
T saturated(double x) {
  if (std::isnan(x)) return sizeof(T) == 8 ? static_cast<T>(1ull << 63) : 0;
  if (x >= std::ldexp(1.0, std::numeric_limits<T>::digits)) return std::numeric_limits<T>::max();
  if (x <= static_cast<double>(std::numeric_limits<T>::min())) return std::numeric_limits<T>::min();
  return static_cast<T>(x);
}
template <class F>
auto in_mode(int mode, F f) {
  std::fesetround(mode);
  volatile auto r = f();
  std::fesetround(FE_TONEAREST);
  return r;
}

TEST(Convert, FloatToInteger) {
  const auto v = floats();
  check_operation<RniS32>("rni.s32", v, kNone, kNone, [](float x, char, char) {
    return saturated<s32>(std::nearbyint(double{x}));
  });
  check_operation<RziS32>("rzi.s32", v, kNone, kNone, [](float x, char, char) {
    return saturated<s32>(std::trunc(double{x}));
  });
  check_operation<RmiU32>("rmi.u32", v, kNone, kNone, [](float x, char, char) {
    return saturated<u32>(std::floor(double{x}));
  });
  check_operation<RpiS64>("rpi.s64", v, kNone, kNone,
                          [](float x, char, char) { return saturated<s64>(std::ceil(double{x})); });
  check_operation<RziU64>("rzi.u64", doubles(), kNone, kNone,
                          [](double x, char, char) { return saturated<u64>(std::trunc(x)); });
}

TEST(Convert, FloatToFloat) {
  check_operation<RniF32>("rni.f32", floats(), kNone, kNone,
                          [](float x, char, char) { return canonical(std::nearbyint(x)); });
  check_operation<RmiF64>("rmi.f64", doubles(), kNone, kNone,
                          [](double x, char, char) { return canonical(std::floor(x)); });
  check_operation<SatF32>("sat.f32", floats(), kNone, kNone, [](float x, char, char) {
    return std::isnan(x) || x <= 0 ? 0.0f : std::min(x, 1.0f);
  });
  const auto narrow = [](int mode) {
    return [mode](double x, char, char) {
      return canonical(in_mode(mode, [&] {
        volatile double a = x;
        return static_cast<float>(a);
      }));
    };
  };
  check_operation<NarrowRn>("rn.f32.f64", doubles(), kNone, kNone, narrow(FE_TONEAREST));
  check_operation<NarrowRz>("rz.f32.f64", doubles(), kNone, kNone, narrow(FE_TOWARDZERO));
  check_operation<NarrowRp>("rp.f32.f64", doubles(), kNone, kNone, narrow(FE_UPWARD));
}

TEST(Convert, IntegerToFloat) {
  const auto to_float = [](int mode) {
    return [mode](auto x, char, char) {
      return in_mode(mode, [&] {
        volatile auto a = x;
        return static_cast<float>(a);
      });
    };
  };
  check_operation<FromS32>("rn.f32.s32", as<s32>(words32()), kNone, kNone, to_float(FE_TONEAREST));
  check_operation<FromU32Rz>("rz.f32.u32", words32(), kNone, kNone, to_float(FE_TOWARDZERO));
  check_operation<FromU64>("rn.f32.u64", words64(), kNone, kNone, to_float(FE_TONEAREST));
  check_operation<FromU64Rp>("rp.f32.u64", words64(), kNone, kNone, to_float(FE_UPWARD));
  check_operation<FromS64>("rm.f64.s64", as<s64>(words64()), kNone, kNone, [](s64 x, char, char) {
    return in_mode(FE_DOWNWARD, [&] {
      volatile s64 a = x;
      return static_cast<double>(a);
    });
  });
}

TEST(Convert, IntegerToInteger) {
  const auto v = as<s32>(words32());
  check_operation<SatU8>("sat.u8.s32", v, kNone, kNone,
                         [](s32 x, char, char) { return std::clamp(x, 0, 255); });
  check_operation<SatS16>("sat.s16.s32", v, kNone, kNone, [](s32 x, char, char) {
    return static_cast<int16_t>(std::clamp(x, -32768, 32767));
  });
  check_operation<SignExtend>("s64.s32", v, kNone, kNone, [](s32 x, char, char) { return s64{x}; });
  check_operation<LowByte>("s32.s8", v, kNone, kNone,
                           [](s32 x, char, char) { return s32{static_cast<int8_t>(x)}; });
}

// ---- Halves: the value of a pattern, and the nearest pattern to a value by search.
struct Format {
  int mantissa, exponent;
};
constexpr Format kHalf{10, 5}, kBrain{7, 8};

double value(u16 h, Format f) {
  const int e = (h & 0x7fff) >> f.mantissa, top = (1 << f.exponent) - 1, bias = top / 2;
  const int m = h & ((1 << f.mantissa) - 1);
  const double sign = (h & 0x8000) != 0 ? -1 : 1;
  if (e == top) return m != 0 ? NAN : sign * INFINITY;
  return sign *
         std::ldexp(e == 0 ? m : m + (1 << f.mantissa), (e == 0 ? 1 : e) - bias - f.mantissa);
}
// Nearest, ties to even. Patterns are ordered as their values: a search finds the neighbours.
u16 nearest(long double x, Format f) {
  if (std::isnan(x)) return 0x7fff;
  const u16 sign = std::signbit(x) ? 0x8000 : 0;
  const long double a = std::abs(x);
  const u16 infinity = static_cast<u16>(((1 << f.exponent) - 1) << f.mantissa);
  int low = 0, high = infinity;
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    (static_cast<long double>(value(static_cast<u16>(middle), f)) <= a ? low : high) = middle;
  }
  const long double below = value(static_cast<u16>(low), f);
  const long double step =
      low + 1 == infinity ? below - static_cast<long double>(value(static_cast<u16>(low - 1), f))
                          : static_cast<long double>(value(static_cast<u16>(low + 1), f)) - below;
  const long double rest = a - below;
  if (std::isinf(a) || rest > step / 2 || (rest == step / 2 && low % 2 == 1))
    return sign | static_cast<u16>(low + 1);
  return sign | static_cast<u16>(low);
}
std::vector<u16> all_patterns() {
  std::vector<u16> v(65536);
  for (size_t i = 0; i < v.size(); ++i) v[i] = static_cast<u16>(i);
  return v;
}
std::vector<float> around_halves(Format f) {
  std::vector<float> v = floats();
  for (int i = 0; i < 65536; i += 37) {
    const auto a = static_cast<float>(value(static_cast<u16>(i), f)),
               b = static_cast<float>(value(static_cast<u16>(i + 1), f));
    v.push_back((a + b) / 2);  // a tie
    v.push_back(std::nextafter((a + b) / 2, 1e30f));
  }
  return v;
}

TEST(Convert, HalvesToFloatAndBack) {
  check_operation<HalfToFloat>("f32.f16", all_patterns(), kNone, kNone, [](u16 x, char, char) {
    return canonical(static_cast<float>(value(x, kHalf)));
  });
  check_operation<FloatToHalf>("rn.f16.f32", around_halves(kHalf), kNone, kNone,
                               [](float x, char, char) { return nearest(x, kHalf); });
  check_operation<FloatToBrain>("rn.bf16.f32", around_halves(kBrain), kNone, kNone,
                                [](float x, char, char) { return nearest(x, kBrain); });
  check_operation<DoubleToHalf>("rn.f16.f64", doubles(), kNone, kNone,
                                [](double x, char, char) { return nearest(x, kHalf); });
  check_operation<IntToHalf>("rn.f16.s32", as<s32>(words32()), kNone, kNone,
                             [](s32 x, char, char) { return nearest(x, kHalf); });
  check_operation<FloatToHalfRz>(
      "rz.f16.f32", around_halves(kHalf), kNone, kNone, [](float x, char, char) {
        u16 h = nearest(x, kHalf);
        if (!std::isnan(x) && std::abs(value(h, kHalf)) > std::abs(double{x})) --h;
        return h;
      });
  check_operation<Pack>("bf16x2", {1.0f, -2.5f}, {0.1f}, kNone, [](float x, float y, char) {
    return static_cast<u32>(nearest(x, kBrain)) << 16 | nearest(y, kBrain);
  });
}

TEST(Convert, Tf32RoundsTiesAway) {
  check_operation<Tf32>("rna.tf32", floats(), kNone, kNone, [](float x, char, char) {
    if (std::isnan(x)) return 0x7fffffffu;
    if (std::isinf(x)) return bit_as<u32>(x);
    const u32 b = bit_as<u32>(x), kept = b & ~0x1fffu;
    return (b & 0x1fff) >= 0x1000 ? kept + 0x2000 : kept;
  });
}

#define H2(NAME, OP) \
  OPERATION(NAME, u16, u16, u16, char, asm volatile(OP " %0, %1, %2;" : "=h"(r) : "h"(x), "h"(y)))
#define H3(NAME, OP)                           \
  OPERATION(NAME, u16, u16, u16, u16,          \
            asm volatile(OP " %0, %1, %2, %3;" \
                         : "=h"(r)             \
                         : "h"(x), "h"(y), "h"(z)))
H2(AddHalf, "add.f16")
H2(MulHalf, "mul.f16")
H2(MinHalf, "min.f16")
H3(FmaHalf, "fma.rn.f16")
H3(FmaBrain, "fma.rn.bf16")
H2(MaxBrain, "max.NaN.bf16")
OPERATION(AddPair, u32, u32, u32, char,
          asm volatile("add.f16x2 %0, %1, %2;"
                       : "=r"(r)
                       : "r"(x), "r"(y)))
OPERATION(FmaReluPair, u32, u32, u32, u32,
          asm volatile("fma.rn.relu.bf16x2 %0, %1, %2, %3;"
                       : "=r"(r)
                       : "r"(x), "r"(y), "r"(z)))

std::vector<u16> some_patterns() {
  std::vector<u16> v = {0,      0x8000, 1,      0x8001, 0x3ff,  0x400,  0x3c00, 0xbc00, 0x7bff,
                        0xfbff, 0x7c00, 0xfc00, 0x7e01, 0x3f80, 0x7f7f, 0x7f80, 0xff80};
  std::mt19937 engine(3);
  for (int i = 0; i < 30; ++i) v.push_back(static_cast<u16>(engine()));
  return v;
}

TEST(Half, ArithmeticRoundsOnce) {
  const auto v = some_patterns();
  const auto n = [](u16 h) { return static_cast<long double>(value(h, kHalf)); };
  check_operation<AddHalf>("add.f16", v, v, kNone,
                           [&](u16 x, u16 y, char) { return nearest(n(x) + n(y), kHalf); });
  check_operation<MulHalf>("mul.f16", v, v, kNone,
                           [&](u16 x, u16 y, char) { return nearest(n(x) * n(y), kHalf); });
  // Exact in long double: 22 + 42 bits.
  check_operation<FmaHalf>("fma.f16", v, v, v,
                           [&](u16 x, u16 y, u16 z) { return nearest(n(x) * n(y) + n(z), kHalf); });
  check_operation<MinHalf>("min.f16", v, v, kNone, [&](u16 x, u16 y, char) {
    if (std::isnan(n(x)) && std::isnan(n(y))) return u16{0x7fff};
    if (std::isnan(n(x))) return y;
    if (std::isnan(n(y))) return x;
    return n(x) < n(y) || (n(x) == n(y) && (x & 0x8000) != 0) ? x : y;
  });
  check_operation<AddPair>(
      "add.f16x2", {0x3c003c00u, 0x4000c000u}, {0x3c000001u}, kNone, [&](u32 x, u32 y, char) {
        const auto lane = [&](u32 s) {
          return u32{nearest(n(static_cast<u16>(x >> s)) + n(static_cast<u16>(y >> s)), kHalf)};
        };
        return lane(0) | lane(16) << 16;
      });
}

OPERATION(Ex2Brain, u16, u16, char, char,
          asm volatile("ex2.approx.ftz.bf16 %0, %1;"
                       : "=h"(r)
                       : "h"(x)))
TEST(Half, ExponentialFlushes) {
  // 1, -1, -126, -127 and -130: the last two results would be subnormal.
  check_operation<Ex2Brain>("ex2.bf16", {0x3f80, 0xbf80, 0xc2fc, 0xc2fe, 0xc302}, kNone, kNone,
                            [](u16 x, char, char) {
                              const double r = std::exp2(value(x, kBrain));
                              return r < 0x1p-126 ? u16{0} : nearest(r, kBrain);
                            });
}

TEST(Half, BrainArithmetic) {
  const auto v = some_patterns();
  const auto n = [](u16 h) { return static_cast<long double>(value(h, kBrain)); };
  check_operation<FmaBrain>("fma.bf16", v, v, v, [&](u16 x, u16 y, u16 z) {
    const long double product = n(x) * n(y), sum = product + n(z);
    // Where even 64 bits round, only the side of the tie matters: nudge by the part that was lost.
    const long double lost =
        std::isfinite(sum)
            ? (std::abs(product) > std::abs(n(z)) ? n(z) - (sum - product) : product - (sum - n(z)))
            : 0;
    return nearest(lost > 0   ? std::nextafter(sum, INFINITY)
                   : lost < 0 ? std::nextafter(sum, -INFINITY)
                              : sum,
                   kBrain);
  });
  check_operation<MaxBrain>("max.NaN.bf16", v, v, kNone, [&](u16 x, u16 y, char) {
    if (std::isnan(n(x)) || std::isnan(n(y))) return u16{0x7fff};
    return n(x) > n(y) || (n(x) == n(y) && (x & 0x8000) == 0) ? x : y;
  });
  check_operation<FmaReluPair>("fma.relu.bf16x2", {0x3f80bf80u}, {0x40004000u}, {0x00000000u},
                               [](u32, u32, u32) { return 0x40000000u; });
}

}  // namespace
