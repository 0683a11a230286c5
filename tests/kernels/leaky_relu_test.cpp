#include "kernels/leaky_relu/leaky_relu.h"

#include <gtest/gtest.h>

#include "tests/oracle.h"
#include "tests/support/kernel_case.h"

namespace burin::test {
namespace {

constexpr float kSlope = 0.2f;

TEST(LeakyRelu, ForwardIsTheOracle) {
  for (const int64_t n : kSizes) {
    const Buffer x(random_values(n));
    Buffer y(n, 3);
    cpu::leaky_relu_forward(x.data(), y.data(), n, kSlope, {});
    for (int64_t i = 0; i < n; ++i) expect_close(y[i], oracle::leaky_relu(x[i], kSlope), 1);
  }
}

TEST(LeakyRelu, BackwardIsTheFiniteDifference) {
  for (const int64_t n : kSizes) {
    const Buffer x(random_values(n, 1.0, 2));
    const Buffer d_y(random_values(n, 1.0, 3));
    Buffer y(n), d_x(n);
    cpu::leaky_relu_forward(x.data(), y.data(), n, kSlope, {});
    cpu::leaky_relu_backward(y.data(), d_y.data(), d_x.data(), n, kSlope, false, {});
    for (int64_t i = 0; i < std::min<int64_t>(n, 300); ++i) {
      if (std::abs(x[i]) < 1e-3) continue;  // the kink
      const double slope =
          numeric_derivative([](double v) { return oracle::leaky_relu(v, kSlope); }, x[i]);
      EXPECT_NEAR(d_x[i], d_y[i] * slope, 1e-5 * std::abs(d_y[i]) + 1e-7);
    }
  }
}

TEST(LeakyRelu, BackwardAccumulatesWhenAsked) {
  const int64_t n = 257;
  const Buffer y(random_values(n)), d_y(random_values(n, 1.0, 2));
  Buffer once(n), twice(random_values(n, 1.0, 3));
  const std::vector<float> before = twice.values();
  cpu::leaky_relu_backward(y.data(), d_y.data(), once.data(), n, kSlope, false, {});
  cpu::leaky_relu_backward(y.data(), d_y.data(), twice.data(), n, kSlope, true, {});
  for (int64_t i = 0; i < n; ++i) EXPECT_EQ(twice[i], before[size_t(i)] + once[i]);
}

TEST(LeakyRelu, WorksInPlace) {
  const int64_t n = 127;
  const Buffer x(random_values(n));
  Buffer apart(n), in_place(x.values());
  cpu::leaky_relu_forward(x.data(), apart.data(), n, kSlope, {});
  cpu::leaky_relu_forward(in_place.data(), in_place.data(), n, kSlope, {});
  EXPECT_EQ(apart.values(), in_place.values());
}

TEST(LeakyRelu, ExtremeValues) {
  const float infinity = std::numeric_limits<float>::infinity();
  const Buffer x({0.0f, -0.0f, infinity, -infinity, NAN, 1e-42f, -1e-38f, 3e38f});
  Buffer y(x.size());
  cpu::leaky_relu_forward(x.data(), y.data(), x.size(), kSlope, {});
  for (int64_t i = 0; i < x.size(); ++i) {
    expect_close(y[i], oracle::leaky_relu(x[i], kSlope), 1, 0.0, "element");
  }
  EXPECT_TRUE(std::signbit(y[1]));
}

}  // namespace
}  // namespace burin::test
