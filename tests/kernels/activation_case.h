// What every activation's room must do; its test gives the launchers, the oracle and the
// tolerances.
#pragma once

#include <gtest/gtest.h>

#include "kernels/common/parallel.h"
#include "tests/oracle.h"
#include "tests/support/kernel_case.h"

namespace burin::test {

// Room has static forward(x, y, n), backward(y, d_y, d_x, n, accumulate) and oracle(x), and
//   kUlps            of the forward: what kernels/common/math.h promises
//   kDerivativeUlps  of 1, absolute: y is rounded, and a derivative near a bound has only what is
//   left
//                    between y and the bound
//   kSaturates       the derivative is 0 at both infinities
//   kKink            |x| below this is not differentiated
template <class Room>
class ActivationTest : public testing::Test {};
TYPED_TEST_SUITE_P(ActivationTest);

TYPED_TEST_P(ActivationTest, ForwardIsTheOracle) {
  for (const int64_t n : kSizes) {
    const Buffer x(random_values(n, 3.0));
    Buffer y(n, 3);
    TypeParam::forward(x.data(), y.data(), n);
    for (int64_t i = 0; i < n; ++i) expect_close(y[i], TypeParam::oracle(x[i]), TypeParam::kUlps);
  }
}

TYPED_TEST_P(ActivationTest, BackwardIsTheFiniteDifference) {
  for (const int64_t n : kSizes) {
    const Buffer x(random_values(n, 2.0, 2), 2);
    const Buffer d_y(random_values(n, 1.0, 3));
    Buffer y(n), d_x(n, 5);
    TypeParam::forward(x.data(), y.data(), n);
    TypeParam::backward(y.data(), d_y.data(), d_x.data(), n, false);
    for (int64_t i = 0; i < n; ++i) ASSERT_FALSE(std::isnan(d_x[i]));
    for (int64_t i = 0; i < std::min<int64_t>(n, 300); ++i) {
      if (std::abs(x[i]) < TypeParam::kKink) continue;
      const double slope = numeric_derivative(&TypeParam::oracle, x[i]);
      EXPECT_NEAR(d_x[i], d_y[i] * slope,
                  TypeParam::kDerivativeUlps * kEpsilon * std::abs(d_y[i]) + 1e-9);
    }
  }
}

TYPED_TEST_P(ActivationTest, BackwardAccumulatesWhenAsked) {
  const int64_t n = 257;
  Buffer y(n);
  const Buffer x(random_values(n)), d_y(random_values(n, 1.0, 2));
  TypeParam::forward(x.data(), y.data(), n);
  Buffer once(n), twice(random_values(n, 1.0, 3));
  const std::vector<float> before = twice.values();
  TypeParam::backward(y.data(), d_y.data(), once.data(), n, false);
  TypeParam::backward(y.data(), d_y.data(), twice.data(), n, true);
  for (int64_t i = 0; i < n; ++i) EXPECT_EQ(twice[i], before[size_t(i)] + once[i]);
}

TYPED_TEST_P(ActivationTest, WorksInPlace) {
  for (const int64_t n : kSizes) {
    const Buffer x(random_values(n)), d_y(random_values(n, 1.0, 2));
    Buffer apart(n), in_place(x.values());
    TypeParam::forward(x.data(), apart.data(), n);
    TypeParam::forward(in_place.data(), in_place.data(), n);
    EXPECT_EQ(apart.values(), in_place.values());
    Buffer d_apart(n), d_in_place(d_y.values());
    TypeParam::backward(apart.data(), d_y.data(), d_apart.data(), n, false);
    TypeParam::backward(apart.data(), d_in_place.data(), d_in_place.data(), n, false);
    EXPECT_EQ(d_apart.values(), d_in_place.values());
  }
}

TYPED_TEST_P(ActivationTest, ThreadsDoNotChangeTheBits) {
  const int64_t n = 100352;
  const Buffer x(random_values(n)), d_y(random_values(n, 1.0, 2));
  Buffer y1(n), y3(n), d_x1(n), d_x3(n);
  cpu::set_threads(1);
  TypeParam::forward(x.data(), y1.data(), n);
  TypeParam::backward(y1.data(), d_y.data(), d_x1.data(), n, false);
  cpu::set_threads(3);
  TypeParam::forward(x.data(), y3.data(), n);
  TypeParam::backward(y3.data(), d_y.data(), d_x3.data(), n, false);
  cpu::set_threads(1);
  EXPECT_EQ(y1.values(), y3.values());
  EXPECT_EQ(d_x1.values(), d_x3.values());
}

TYPED_TEST_P(ActivationTest, ExtremeValues) {
  const float infinity = std::numeric_limits<float>::infinity();
  const Buffer x({0.0f, -0.0f, infinity, -infinity, NAN, 1e-42f, -1e-38f, 3e38f, -3e38f, 17.0f,
                  -17.0f, -88.0f, -103.0f, 1e4f, -1e4f});
  Buffer y(x.size()), d_x(x.size());
  const Buffer d_y(std::vector<float>(size_t(x.size()), 1.0f));
  TypeParam::forward(x.data(), y.data(), x.size());
  TypeParam::backward(y.data(), d_y.data(), d_x.data(), x.size(), false);
  for (int64_t i = 0; i < x.size(); ++i) {
    expect_close(y[i], TypeParam::oracle(x[i]), TypeParam::kUlps, 0.0, "element");
    if (std::isnan(x[i])) continue;
    EXPECT_TRUE(std::isfinite(d_x[i])) << x[i];
  }
  if (TypeParam::oracle(0.0) == 0.0) {
    EXPECT_TRUE(std::signbit(y[1]));  // -0 stays -0
  }
  if (TypeParam::kSaturates) {
    EXPECT_EQ(d_x[2], 0.0f);
    EXPECT_EQ(d_x[3], 0.0f);
    EXPECT_TRUE(std::isnan(d_x[4]));
  }
}

REGISTER_TYPED_TEST_SUITE_P(ActivationTest, ForwardIsTheOracle, BackwardIsTheFiniteDifference,
                            BackwardAccumulatesWhenAsked, WorksInPlace, ThreadsDoNotChangeTheBits,
                            ExtremeValues);

}  // namespace burin::test
