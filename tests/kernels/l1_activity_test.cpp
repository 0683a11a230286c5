#include "kernels/l1_activity/l1_activity.h"

#include <gtest/gtest.h>

#include "kernels/common/parallel.h"
#include "tests/oracle.h"
#include "tests/support/kernel_case.h"

namespace burin::test {
namespace {

constexpr float kScale = 0.01f;

TEST(L1Activity, ForwardIsTheOracle) {
  for (const int64_t n : kSizes) {
    for (const float scale : {kScale, -2.5f, 0.0f}) {
      const Buffer x(random_values(n), 3);
      Buffer loss(1);
      cpu::l1_activity_forward(x.data(), n, scale, loss.data(), {});
      expect_close(loss[0], double(scale) * oracle::abs_sum(x.values()), 1);  // rounded once
    }
  }
}

TEST(L1Activity, BackwardIsTheFiniteDifference) {
  for (const int64_t n : kSizes) {
    const Buffer x(random_values(n), 2);
    Buffer d_x(n, 3);
    cpu::l1_activity_backward(x.data(), d_x.data(), n, kScale, false, {});
    for (int64_t i = 0; i < n; ++i) {
      if (std::abs(x[i]) < 1e-3) continue;  // the kink
      const double slope = numeric_derivative(
          [](double v) { return double(kScale) * std::sqrt(v * v); }, double(x[i]));
      EXPECT_NEAR(d_x[i], slope, 1e-9);
    }
  }
}

TEST(L1Activity, ZeroHasNoGradient) {
  const float infinity = std::numeric_limits<float>::infinity();
  const Buffer x({0.0f, -0.0f, 1e-45f, -1e-45f, infinity, -infinity});
  Buffer d_x(x.size());
  cpu::l1_activity_backward(x.data(), d_x.data(), x.size(), kScale, false, {});
  EXPECT_EQ(d_x.values(), (std::vector<float>{0.0f, 0.0f, kScale, -kScale, kScale, -kScale}));
  Buffer loss(1);
  cpu::l1_activity_forward(x.data(), 2, kScale, loss.data(), {});
  EXPECT_EQ(loss[0], 0.0f);
  EXPECT_FALSE(std::signbit(loss[0]));
  cpu::l1_activity_forward(x.data(), 0, kScale, loss.data(), {});
  EXPECT_EQ(loss[0], 0.0f);
  cpu::l1_activity_forward(x.data(), x.size(), kScale, loss.data(), {});
  EXPECT_EQ(loss[0], infinity);
}

TEST(L1Activity, BackwardAccumulatesWhenAsked) {
  const int64_t n = 257;
  const Buffer x(random_values(n));
  Buffer once(n), twice(random_values(n, 1.0, 3));
  const std::vector<float> before = twice.values();
  cpu::l1_activity_backward(x.data(), once.data(), n, kScale, false, {});
  cpu::l1_activity_backward(x.data(), twice.data(), n, kScale, true, {});
  for (int64_t i = 0; i < n; ++i) EXPECT_EQ(twice[i], before[size_t(i)] + once[i]);
}

TEST(L1Activity, BackwardWorksInPlace) {
  const int64_t n = 257;
  const Buffer x(random_values(n));
  Buffer apart(n), in_place(x.values());
  cpu::l1_activity_backward(x.data(), apart.data(), n, kScale, false, {});
  cpu::l1_activity_backward(in_place.data(), in_place.data(), n, kScale, false, {});
  EXPECT_EQ(apart.values(), in_place.values());
}

TEST(L1Activity, ThreadsDoNotChangeTheBits) {
  const int64_t n = 1000003;
  const Buffer x(random_values(n));
  Buffer loss(2), d_x1(n), d_x3(n);
  cpu::set_threads(1);
  cpu::l1_activity_forward(x.data(), n, kScale, &loss[0], {});
  cpu::l1_activity_backward(x.data(), d_x1.data(), n, kScale, false, {});
  cpu::set_threads(3);
  cpu::l1_activity_forward(x.data(), n, kScale, &loss[1], {});
  cpu::l1_activity_backward(x.data(), d_x3.data(), n, kScale, false, {});
  cpu::set_threads(1);
  EXPECT_EQ(loss[0], loss[1]);
  EXPECT_EQ(d_x1.values(), d_x3.values());
}

}  // namespace
}  // namespace burin::test
