// f32 and f64: roundings against the host's own in the same mode, NaN rules, flushing,
// approximations.
#include <cfenv>
#include <cstring>

#include "test/support/device_run.h"

namespace {

const std::vector<char> kNone = {0};

// Host arithmetic in a rounding mode; volatile keeps it where it is written.
template <class F>
auto in_mode(int mode, F f) {
  std::fesetround(mode);
  auto r = f();
  std::fesetround(FE_TONEAREST);
  return r;
}
template <class T>
T plus(T x, T y) {
  volatile T a = x, b = y;
  volatile T r = a + b;
  return r;
}
template <class T>
T times(T x, T y) {
  volatile T a = x, b = y;
  volatile T r = a * b;
  return r;
}
template <class T>
T over(T x, T y) {
  volatile T a = x, b = y;
  volatile T r = a / b;
  return r;
}
template <class T>
T root(T x) {
  volatile T a = x;
  volatile T r = std::sqrt(a);
  return r;
}
template <class T>
T fused(T x, T y, T z) {
  volatile T a = x, b = y, c = z;
  volatile T r = std::fma(a, b, c);
  return r;
}

#define F2(NAME, OP, T, C) \
  OPERATION(NAME, T, T, T, char, asm volatile(OP " %0, %1, %2;" : "=" C(r) : C(x), C(y)))
#define F3(NAME, OP, T, C) \
  OPERATION(NAME, T, T, T, T, asm volatile(OP " %0, %1, %2, %3;" : "=" C(r) : C(x), C(y), C(z)))
#define F1(NAME, OP, T, C) \
  OPERATION(NAME, T, T, char, char, asm volatile(OP " %0, %1;" : "=" C(r) : C(x)))

#define EACH_MODE(M) M(rn, FE_TONEAREST) M(rz, FE_TOWARDZERO) M(rm, FE_DOWNWARD) M(rp, FE_UPWARD)
#define DEFINE(m, host)                       \
  F2(Add_##m, "add." #m ".f32", float, "f")   \
  F2(Sub_##m, "sub." #m ".f32", float, "f")   \
  F2(Mul_##m, "mul." #m ".f32", float, "f")   \
  F2(Div_##m, "div." #m ".f32", float, "f")   \
  F3(Fma_##m, "fma." #m ".f32", float, "f")   \
  F1(Sqrt_##m, "sqrt." #m ".f32", float, "f") \
  F1(Rcp_##m, "rcp." #m ".f32", float, "f")   \
  F2(AddD_##m, "add." #m ".f64", double, "d") \
  F2(DivD_##m, "div." #m ".f64", double, "d") \
  F3(FmaD_##m, "fma." #m ".f64", double, "d") \
  F1(SqrtD_##m, "sqrt." #m ".f64", double, "d")
EACH_MODE(DEFINE)
F2(AddFtz, "add.ftz.f32", float, "f")
F2(MulFtz, "mul.ftz.f32", float, "f")
F2(AddSat, "add.sat.f32", float, "f")
F3(FmaFtzSat, "fma.rn.ftz.sat.f32", float, "f")
F2(Min, "min.f32", float, "f")
F2(Max, "max.f32", float, "f")
F2(MinNan, "min.NaN.f32", float, "f")
F2(MaxD, "max.f64", double, "d")
F1(Ex2, "ex2.approx.f32", float, "f")
F1(Lg2, "lg2.approx.f32", float, "f")
F1(Sin, "sin.approx.f32", float, "f")
F1(Cos, "cos.approx.f32", float, "f")
F1(Tanh, "tanh.approx.f32", float, "f")
F1(Rsqrt, "rsqrt.approx.f32", float, "f")
F1(RcpApprox, "rcp.approx.ftz.f32", float, "f")
OPERATION(DivFull, float, float, char, char,
          asm volatile("div.full.f32 %0, %1, %1;"
                       : "=f"(r)
                       : "f"(x)))
F2(Copysign, "copysign.f32", float, "f")

TEST(Float, EveryRoundingMode) {
  const auto v = floats();
  const std::vector<float> few = {1.0f, -3e-39f, 0.1f, -INFINITY, 12345.678f, 3e38f, -0.0f};
#define CHECK(m, host)                                                             \
  check_operation<Add_##m>("add." #m, v, v, kNone, [](float x, float y, char) {    \
    return canonical(in_mode(host, [&] { return plus(x, y); }));                   \
  });                                                                              \
  check_operation<Sub_##m>("sub." #m, v, v, kNone, [](float x, float y, char) {    \
    return canonical(in_mode(host, [&] { return plus(x, -y); }));                  \
  });                                                                              \
  check_operation<Mul_##m>("mul." #m, v, v, kNone, [](float x, float y, char) {    \
    return canonical(in_mode(host, [&] { return times(x, y); }));                  \
  });                                                                              \
  check_operation<Div_##m>("div." #m, v, v, kNone, [](float x, float y, char) {    \
    return canonical(in_mode(host, [&] { return over(x, y); }));                   \
  });                                                                              \
  check_operation<Fma_##m>("fma." #m, v, v, few, [](float x, float y, float z) {   \
    return canonical(in_mode(host, [&] { return fused(x, y, z); }));               \
  });                                                                              \
  check_operation<Sqrt_##m>("sqrt." #m, v, kNone, kNone, [](float x, char, char) { \
    return canonical(in_mode(host, [&] { return root(x); }));                      \
  });                                                                              \
  check_operation<Rcp_##m>("rcp." #m, v, kNone, kNone, [](float x, char, char) {   \
    return canonical(in_mode(host, [&] { return over(1.0f, x); }));                \
  });
  EACH_MODE(CHECK)
#undef CHECK
}

TEST(Float, EveryRoundingModeInDouble) {
  const auto v = doubles();
#define CHECK(m, host)                                                                         \
  check_operation<AddD_##m>("add." #m ".f64", v, v, kNone, [](double x, double y, char) {      \
    return canonical(in_mode(host, [&] { return plus(x, y); }));                               \
  });                                                                                          \
  check_operation<DivD_##m>("div." #m ".f64", v, v, kNone, [](double x, double y, char) {      \
    return canonical(in_mode(host, [&] { return over(x, y); }));                               \
  });                                                                                          \
  check_operation<FmaD_##m>("fma." #m ".f64", v, v, {1.0, -1e-300},                            \
                            [](double x, double y, double z) {                                 \
                              return canonical(in_mode(host, [&] { return fused(x, y, z); })); \
                            });                                                                \
  check_operation<SqrtD_##m>("sqrt." #m ".f64", v, kNone, kNone, [](double x, char, char) {    \
    return canonical(in_mode(host, [&] { return root(x); }));                                  \
  });
  EACH_MODE(CHECK)
#undef CHECK
}

float flushed(float x) {
  return std::fpclassify(x) == FP_SUBNORMAL ? std::copysign(0.0f, x) : x;
}
float clamped(float x) {
  return std::isnan(x) ? 0.0f : x <= 0 ? 0.0f : std::min(x, 1.0f);
}

TEST(Float, FlushingAndSaturation) {
  const auto v = floats();
  check_operation<AddFtz>("add.ftz", v, v, kNone, [](float x, float y, char) {
    return canonical(flushed(plus(flushed(x), flushed(y))));
  });
  check_operation<MulFtz>("mul.ftz", v, v, kNone, [](float x, float y, char) {
    return canonical(flushed(times(flushed(x), flushed(y))));
  });
  check_operation<AddSat>("add.sat", v, v, kNone,
                          [](float x, float y, char) { return clamped(plus(x, y)); });
  check_operation<FmaFtzSat>("fma.ftz.sat", v, v, {0.5f, -0.25f}, [](float x, float y, float z) {
    return clamped(flushed(fused(flushed(x), flushed(y), z)));
  });
}

template <class T>
T smaller(T x, T y) {
  return std::isnan(x) ? y : std::isnan(y) ? x : x < y || (x == y && std::signbit(x)) ? x : y;
}
template <class T>
T larger(T x, T y) {
  return std::isnan(x) ? y : std::isnan(y) ? x : x > y || (x == y && !std::signbit(x)) ? x : y;
}

TEST(Float, MinimumAndMaximumPreferTheNumber) {
  const auto v = floats();
  check_operation<Min>("min", v, v, kNone,
                       [](float x, float y, char) { return canonical(smaller(x, y)); });
  check_operation<Max>("max", v, v, kNone,
                       [](float x, float y, char) { return canonical(larger(x, y)); });
  check_operation<MaxD>("max.f64", doubles(), doubles(), kNone,
                        [](double x, double y, char) { return canonical(larger(x, y)); });
  check_operation<MinNan>("min.NaN", v, v, kNone, [](float x, float y, char) {
    return std::isnan(x) || std::isnan(y) ? bit_as<float>(0x7fffffffu) : smaller(x, y);
  });
  check_operation<Copysign>("copysign", {1.0f, -2.0f}, {3.0f, -4.0f}, kNone,
                            [](float x, float y, char) { return std::copysign(y, x); });
}

// Within the errors that PTX allows (2 ulp; 2^-20.9 for sin and cos in [-pi, pi]; 2^-11 for tanh).
TEST(Float, Approximations) {
  std::vector<float> v;
  for (int i = -60; i <= 60; ++i) v.push_back(0.05f * static_cast<float>(i));
  const auto near = [&](auto run, double allowed, bool relative) {
    for (const float x : v) {
      const auto [got, want] = run(x);
      if (std::isnan(want))
        EXPECT_TRUE(std::isnan(got)) << x;
      else if (std::isinf(want))
        EXPECT_EQ(got, want) << x;
      else
        EXPECT_NEAR(got, want, allowed * (relative ? std::abs(want) : 1.0)) << x;
    }
  };
  Device<float> in(v);
  Device<char> none(std::vector<char>(v.size()));
  Device<float> out(v.size());
  const auto all = [&](auto op, auto truth, double allowed, bool relative) {
    using Op = decltype(op);
    apply_all<Op><<<1, 128>>>(in.get(), none.get(), none.get(), out.get(), v.size());
    const auto r = out.values();
    size_t i = 0;
    near([&](float x) { return std::pair<double, double>(r[i++], truth(double{x})); }, allowed,
         relative);
  };
  const double ulp2 = 2 * 0x1p-23;
  all(
      Ex2{}, [](double x) { return std::exp2(x); }, ulp2, true);
  all(
      Lg2{}, [](double x) { return std::log2(x); }, 0x1p-21, false);
  all(
      Sin{}, [](double x) { return std::sin(x); }, 0x1p-20, false);
  all(
      Cos{}, [](double x) { return std::cos(x); }, 0x1p-20, false);
  all(
      Tanh{}, [](double x) { return std::tanh(x); }, 0x1p-11, true);
  all(
      Rsqrt{}, [](double x) { return 1 / std::sqrt(x); }, ulp2, true);
  all(
      DivFull{}, [](double x) { return x / x; }, ulp2, true);
  all(
      RcpApprox{}, [](double x) { return 1 / x; }, ulp2, true);
}

// A NaN's payload survives loads, moves and stores; arithmetic gives the canonical NaN, in a
// register that holds now one and now the other too.
__global__ void nan_paths(const float* in, float* out, int n) {
  const float loaded = in[0];
  out[0] = loaded;
  out[1] = loaded + 1.0f;
  float mixed = loaded;
  for (int i = 0; i < n; ++i) mixed = __fadd_rn(mixed, in[i + 1]);
  out[2] = mixed;
  out[3] = __int_as_float(__float_as_int(loaded));
  out[4] = n > 100 ? loaded + 2.0f : loaded;
}
TEST(Float, NanPayloads) {
  const float nan = bit_as<float>(0x7fc01234u);
  Device<float> in(std::vector<float>{nan, 1, 2, 3}), out(5);
  for (const int n : {0, 2}) {
    nan_paths<<<1, 1>>>(in.get(), out.get(), n);
    const auto r = out.values();
    EXPECT_EQ(bit_as<uint32_t>(r[0]), 0x7fc01234u);
    EXPECT_EQ(bit_as<uint32_t>(r[1]), 0x7fffffffu);
    EXPECT_EQ(bit_as<uint32_t>(r[2]), n == 0 ? 0x7fc01234u : 0x7fffffffu);
    EXPECT_EQ(bit_as<uint32_t>(r[3]), 0x7fc01234u);
    EXPECT_EQ(bit_as<uint32_t>(r[4]), 0x7fc01234u);
  }
}

#define COMPARE(NAME, OP)                                                                   \
  OPERATION(NAME, int, float, float, char,                                                  \
            asm volatile("{.reg .pred p; setp." OP ".f32 p, %1, %2; selp.s32 %0, 1, 0, p;}" \
                         : "=r"(r)                                                          \
                         : "f"(x), "f"(y)))
COMPARE(Eq, "eq")
COMPARE(Ne, "ne")
COMPARE(Lt, "lt")
COMPARE(Ge, "ge") COMPARE(Equ, "equ") COMPARE(Neu, "neu") COMPARE(Ltu, "ltu") COMPARE(Leu, "leu")
    COMPARE(Gtu, "gtu") COMPARE(Geu, "geu") COMPARE(Num, "num") COMPARE(Nan, "nan") OPERATION(
        SetpPair, int, float, float, char,
        asm volatile("{.reg .pred p, q, c; setp.gt.f32 c, %1, 0f00000000; setp.lt.and.f32 p|q, "
                     "%1, %2, c; selp.s32 %0, 1, 0, p; @q add.s32 %0, %0, 2;}"
                     : "=r"(r)
                     : "f"(x), "f"(y))) OPERATION(SetFloat, float, float, float, char,
                                                  asm volatile("set.le.f32.f32 %0, %1, %2;"
                                                               : "=f"(r)
                                                               : "f"(x), "f"(y)))
        OPERATION(SetInt, uint32_t, float, float, char,
                  asm volatile("set.gt.u32.f32 %0, %1, %2;"
                               : "=r"(r)
                               : "f"(x), "f"(y)))
            OPERATION(Slct, float, float, float, int,
                      asm volatile("slct.f32.s32 %0, %1, %2, %3;"
                                   : "=f"(r)
                                   : "f"(x), "f"(y), "r"(z)))

                TEST(Float, Comparisons) {
  const auto v = floats();
  const auto unordered = [](float x, float y) { return std::isnan(x) || std::isnan(y); };
#define C(NAME, EXPECTED)                                                        \
  check_operation<NAME>(#NAME, v, v, kNone, [&](float x, float y, char) -> int { \
    (void)x, (void)y;                                                            \
    return EXPECTED;                                                             \
  });
  C(Eq, x == y)
  C(Ne, x != y && !unordered(x, y))
  C(Lt, x < y)
  C(Ge, x >= y) C(Equ, x == y || unordered(x, y)) C(Neu, x != y) C(Ltu, x < y || unordered(x, y))
      C(Leu, x <= y || unordered(x, y)) C(Gtu, x > y || unordered(x, y))
          C(Geu, x >= y || unordered(x, y)) C(Num, !unordered(x, y)) C(Nan, unordered(x, y))
              C(SetpPair, (x < y && x > 0) + 2 * (!(x < y) && x > 0))
#undef C
                  check_operation<SetFloat>("set.f32", v, v, kNone, [](float x, float y, char) {
                    return x <= y ? 1.0f : 0.0f;
                  });
  check_operation<SetInt>("set.u32", v, v, kNone,
                          [](float x, float y, char) { return x > y ? 0xffffffffu : 0u; });
  check_operation<Slct>("slct", {1.0f}, {2.0f}, {-1, 0, 5},
                        [](float x, float y, int z) { return z >= 0 ? x : y; });
}

}  // namespace
