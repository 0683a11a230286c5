// This binary is built for the baseline instruction set; its copies of the loops below are not.
#ifndef BURIN_SIMD
#define BURIN_SIMD 1
#endif
#include "kernels/common/math.h"

#include <gtest/gtest.h>

#include "kernels/common/simd.h"
#include "tests/support/kernel_case.h"

namespace burin::test {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr double kSmallestNormal = std::numeric_limits<float>::min();
constexpr uint32_t kStride = 1009;  // between bit patterns: four million floats of either sign

constexpr uint32_t kZeroBits = 0x00000000u, kOneBits = 0x3f800000u, kInfinityBits = 0x7f800000u;
constexpr uint32_t kMinus = 0x80000000u;

// Distance between neighbouring floats at |value|.
double ulp_at(double value) {
  int exponent = 0;
  std::frexp(std::max(std::abs(value), kSmallestNormal), &exponent);
  return std::ldexp(1.0, exponent - 24);
}

// The worst error of `f` against `exact`, in units in the last place, over the bit patterns
// [first, last] and their end points. Overflow and NaN have to come where they come in `exact`.
double worst_ulp(float (*f)(float), double (*exact)(double), uint32_t first, uint32_t last,
                 uint32_t stride = kStride) {
  double worst = 0.0;
  const auto check = [&](uint32_t bits) {
    const float x = math::float_of(bits);
    const double expected = exact(static_cast<double>(x));
    const float actual = f(x);
    const float rounded = static_cast<float>(expected);
    if (std::isnan(expected)) {
      EXPECT_TRUE(std::isnan(actual)) << x;
    } else if (std::isinf(rounded) || std::isinf(actual)) {
      EXPECT_EQ(actual, rounded) << x;
    } else {
      const double error = std::abs(static_cast<double>(actual) - expected) / ulp_at(expected);
      if (!(error <= worst)) worst = error;
    }
  };
  for (uint64_t bits = first; bits < last; bits += stride) check(static_cast<uint32_t>(bits));
  check(last);
  return worst;
}

double exact_exp(double x) {
  return std::exp(x);
}
double exact_log(double x) {
  return std::log(x);
}
double exact_log1p(double x) {
  return std::log1p(x);
}
double exact_tanh(double x) {
  return std::tanh(x);
}
double exact_softplus(double x) {
  return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
}
double exact_sigmoid(double x) {
  return 1.0 / (1.0 + std::exp(-x));
}

TEST(Math, ExpIsUnder2Ulp) {
  EXPECT_LT(worst_ulp(math::exp, exact_exp, kZeroBits, kInfinityBits), 2.0);
  EXPECT_LT(worst_ulp(math::exp, exact_exp, kMinus, kMinus | kInfinityBits), 2.0);
  // Every float around overflow (88.72) and from the first denormal result (-87.34) to 0 (-104).
  EXPECT_LT(worst_ulp(math::exp, exact_exp, math::bits_of(88.7f), math::bits_of(89.1f), 1), 2.0);
  EXPECT_LT(worst_ulp(math::exp, exact_exp, math::bits_of(-87.0f), math::bits_of(-104.5f), 7), 2.0);
}

TEST(Math, ExpOfSpecialValues) {
  EXPECT_EQ(math::exp(0.0f), 1.0f);
  EXPECT_EQ(math::exp(-0.0f), 1.0f);
  EXPECT_EQ(math::exp(1e-45f), 1.0f);
  EXPECT_EQ(math::exp(-104.0f), 0.0f);
  EXPECT_EQ(math::exp(-kInfinity), 0.0f);
  EXPECT_EQ(math::exp(-1e4f), 0.0f);
  EXPECT_EQ(math::exp(88.73f), kInfinity);
  EXPECT_EQ(math::exp(kInfinity), kInfinity);
  EXPECT_TRUE(std::isfinite(math::exp(88.72f)));
  EXPECT_TRUE(std::isnan(math::exp(kNan)));
  EXPECT_TRUE(std::isnan(math::exp(-kNan)));
}

TEST(Math, LogIsUnder2Ulp) {
  EXPECT_LT(worst_ulp(math::log, exact_log, kZeroBits, kInfinityBits), 2.0);
  // Where the logarithm vanishes, a relative error is hardest to hold.
  EXPECT_LT(worst_ulp(math::log, exact_log, math::bits_of(0.98f), math::bits_of(1.02f), 1), 2.0);
  EXPECT_LT(worst_ulp(math::log, exact_log, 1, 100000, 1), 2.0);  // denormals
}

TEST(Math, LogOfSpecialValues) {
  EXPECT_EQ(math::log(1.0f), 0.0f);
  EXPECT_EQ(math::log(0.0f), -kInfinity);
  EXPECT_EQ(math::log(-0.0f), -kInfinity);
  EXPECT_EQ(math::log(kInfinity), kInfinity);
  for (const float x : {-1e-45f, -1.0f, -3e38f, -kInfinity, kNan}) {
    EXPECT_TRUE(std::isnan(math::log(x))) << x;
  }
}

TEST(Math, Log1pUnitIsUnder2Ulp) {
  EXPECT_LT(worst_ulp(math::log1p_unit, exact_log1p, kZeroBits, kOneBits, 101), 2.0);
  EXPECT_EQ(math::log1p_unit(0.0f), 0.0f);
  EXPECT_EQ(math::log1p_unit(1e-30f), 1e-30f);
  EXPECT_TRUE(std::isnan(math::log1p_unit(kNan)));
}

TEST(Math, SoftplusIsUnder3Ulp) {
  EXPECT_LT(worst_ulp(math::softplus, exact_softplus, kZeroBits, kInfinityBits), 3.0);
  EXPECT_LT(worst_ulp(math::softplus, exact_softplus, kMinus, kMinus | kInfinityBits), 3.0);
  EXPECT_EQ(math::softplus(1e4f), 1e4f);
  EXPECT_EQ(math::softplus(-1e4f), 0.0f);
  EXPECT_TRUE(std::isnan(math::softplus(kNan)));
}

TEST(Math, SigmoidIsUnder3Ulp) {
  EXPECT_LT(worst_ulp(math::sigmoid, exact_sigmoid, kZeroBits, kInfinityBits), 3.0);
  EXPECT_LT(worst_ulp(math::sigmoid, exact_sigmoid, kMinus, kMinus | kInfinityBits), 3.0);
  EXPECT_EQ(math::sigmoid(0.0f), 0.5f);
  EXPECT_EQ(math::sigmoid(-0.0f), 0.5f);
  EXPECT_TRUE(std::isnan(math::sigmoid(kNan)));
}

TEST(Math, TanhIsUnder2UlpAndOdd) {
  EXPECT_LT(worst_ulp(math::tanh, exact_tanh, kZeroBits, kInfinityBits), 2.0);
  // Around the change from the polynomial to the exponential.
  EXPECT_LT(worst_ulp(math::tanh, exact_tanh, math::bits_of(0.6f), math::bits_of(0.65f), 1), 2.0);
  for (uint32_t bits = 0; bits <= kInfinityBits; bits += 100 * kStride) {
    const float x = math::float_of(bits);
    EXPECT_EQ(math::bits_of(math::tanh(-x)), math::bits_of(math::tanh(x)) | kMinus) << x;
  }
  EXPECT_EQ(math::tanh(kInfinity), 1.0f);
  EXPECT_EQ(math::tanh(-kInfinity), -1.0f);
  EXPECT_TRUE(std::isnan(math::tanh(kNan)));
}

TEST(Math, SincosTurnIsUnder2em7) {
  double worst = 0.0;
  const auto check = [&](float u) {
    float sine = kNan, cosine = kNan;
    math::sincos_turn(u, &sine, &cosine);
    const double angle = 2.0 * std::acos(-1.0) * static_cast<double>(u);
    worst = std::max({worst, std::abs(sine - std::sin(angle)), std::abs(cosine - std::cos(angle))});
    ASSERT_FALSE(std::isnan(sine) || std::isnan(cosine)) << u;
  };
  for (uint32_t i = 0; i < (1u << 24); i += 5) check(std::ldexp(static_cast<float>(i), -24));
  for (uint32_t bits = 0; bits < kOneBits; bits += kStride) check(math::float_of(bits));
  check(0x1.fffffep-1f);  // the last float below 1
  EXPECT_LT(worst, 2e-7);
  float sine = kNan, cosine = kNan;
  for (const auto& [u, s, c] : {std::tuple{0.0f, 0.0f, 1.0f}, std::tuple{0.25f, 1.0f, 0.0f},
                                std::tuple{0.5f, 0.0f, -1.0f}, std::tuple{0.75f, -1.0f, 0.0f}}) {
    math::sincos_turn(u, &sine, &cosine);
    EXPECT_EQ(sine, s) << u;
    EXPECT_EQ(cosine, c) << u;
  }
}

BURIN_SIMD_CLONES void exp_loop(const float* x, float* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = math::exp(x[i]);
}
BURIN_SIMD_CLONES void log_loop(const float* x, float* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = math::log(x[i]);
}
BURIN_SIMD_CLONES void log1p_unit_loop(const float* x, float* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = math::log1p_unit(x[i]);
}
BURIN_SIMD_CLONES void softplus_loop(const float* x, float* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = math::softplus(x[i]);
}
BURIN_SIMD_CLONES void sigmoid_loop(const float* x, float* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = math::sigmoid(x[i]);
}
BURIN_SIMD_CLONES void tanh_loop(const float* x, float* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = math::tanh(x[i]);
}
float sine_plus_half_cosine(float u) {
  float sine, cosine;
  math::sincos_turn(u, &sine, &cosine);
  return sine + 0.5f * cosine;
}
BURIN_SIMD_CLONES void sincos_turn_loop(const float* x, float* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    float sine, cosine;
    math::sincos_turn(x[i], &sine, &cosine);
    y[i] = sine + 0.5f * cosine;
  }
}

// Bit patterns of all magnitudes of one sign up to `last`, denormals, infinity and NaN among them
// if `last` lets them be.
std::vector<float> all_magnitudes(uint32_t last, uint32_t sign) {
  std::vector<float> values;
  for (uint64_t bits = 0; bits <= last; bits += 20011) {
    values.push_back(math::float_of(static_cast<uint32_t>(bits) | sign));
  }
  values.push_back(math::float_of(last | sign));
  return values;
}

void expect_bits_of_scalar(void (*loop)(const float*, float*, int64_t), float (*scalar)(float),
                           const std::vector<float>& values, const char* what) {
  float (*volatile call)(float) = scalar;  // one value at a time, not vectorised
  const Buffer x(values);
  Buffer y(x.size(), 3);
  loop(x.data(), y.data(), x.size());
  for (int64_t i = 0; i < x.size(); ++i) {
    const float expected = call(x[i]);
    if (std::isnan(expected) && std::isnan(y[i])) continue;  // a NaN's payload is free
    ASSERT_EQ(math::bits_of(y[i]), math::bits_of(expected)) << what << " of " << x[i];
  }
}

TEST(Math, VectorisedLoopsGiveTheBitsOfScalarCalls) {
  for (const uint32_t sign : {0u, kMinus}) {
    const std::vector<float> values = all_magnitudes(0x7fffffffu, sign);
    expect_bits_of_scalar(exp_loop, math::exp, values, "exp");
    expect_bits_of_scalar(log_loop, math::log, values, "log");
    expect_bits_of_scalar(softplus_loop, math::softplus, values, "softplus");
    expect_bits_of_scalar(sigmoid_loop, math::sigmoid, values, "sigmoid");
    expect_bits_of_scalar(tanh_loop, math::tanh, values, "tanh");
  }
  const std::vector<float> unit = all_magnitudes(kOneBits, 0u);
  expect_bits_of_scalar(log1p_unit_loop, math::log1p_unit, unit, "log1p_unit");
  expect_bits_of_scalar(sincos_turn_loop, sine_plus_half_cosine, unit, "sincos_turn");
}

}  // namespace
}  // namespace burin::test
