#include "kernels/scale/scale.h"

#include <gtest/gtest.h>

#include "kernels/common/parallel.h"
#include "tests/support/kernel_case.h"

namespace burin::test {
namespace {

constexpr float kAlpha = -0.3f;

TEST(Scale, IsTheRoundedProduct) {
  for (const int64_t n : kSizes) {
    const Buffer x(random_values(n), 2);
    Buffer y(n, 3);
    cpu::scale(x.data(), kAlpha, y.data(), n, false, {});
    // The product of two floats is exact in double.
    for (int64_t i = 0; i < n; ++i) EXPECT_EQ(y[i], float(double(kAlpha) * double(x[i])));
  }
}

TEST(Scale, AccumulatesWhenAsked) {
  for (const int64_t n : kSizes) {
    const Buffer x(random_values(n));
    Buffer y(random_values(n, 1.0, 2), 3);
    const std::vector<float> before = y.values();
    cpu::scale(x.data(), kAlpha, y.data(), n, true, {});
    for (int64_t i = 0; i < n; ++i) {
      const float product = float(double(kAlpha) * double(x[i]));
      EXPECT_EQ(y[i], float(double(before[size_t(i)]) + double(product)));
    }
  }
}

TEST(Scale, WorksInPlace) {
  const int64_t n = 257;
  const Buffer x(random_values(n));
  Buffer apart(n), in_place(x.values());
  cpu::scale(x.data(), kAlpha, apart.data(), n, false, {});
  cpu::scale(in_place.data(), kAlpha, in_place.data(), n, false, {});
  EXPECT_EQ(apart.values(), in_place.values());
}

TEST(Scale, ThreadsDoNotChangeTheBits) {
  const int64_t n = 100352;
  const Buffer x(random_values(n));
  Buffer one(n), three(n);
  cpu::set_threads(1);
  cpu::scale(x.data(), kAlpha, one.data(), n, false, {});
  cpu::set_threads(3);
  cpu::scale(x.data(), kAlpha, three.data(), n, false, {});
  cpu::set_threads(1);
  EXPECT_EQ(one.values(), three.values());
}

TEST(Scale, ZeroHidesNoNanAndOverflowIsInfinity) {
  const float infinity = std::numeric_limits<float>::infinity();
  const Buffer x({NAN, infinity, -infinity, -1.0f, 1e-45f});
  Buffer y(x.size());
  cpu::scale(x.data(), 0.0f, y.data(), x.size(), false, {});
  for (int64_t i = 0; i < 3; ++i) EXPECT_TRUE(std::isnan(y[i]));
  EXPECT_EQ(y[3], 0.0f);
  EXPECT_TRUE(std::signbit(y[3]));
  const Buffer large(std::vector<float>{3e38f, -3e38f});
  Buffer out(2);
  cpu::scale(large.data(), 2.0f, out.data(), 2, false, {});
  EXPECT_EQ(out.values(), (std::vector<float>{infinity, -infinity}));
}

TEST(Scale, OfNothingTouchesNothing) {
  Buffer y(std::vector<float>{7.0f});
  cpu::scale(nullptr, 2.0f, y.data(), 0, false, {});
  EXPECT_EQ(y[0], 7.0f);
}

}  // namespace
}  // namespace burin::test
