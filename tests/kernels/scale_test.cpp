#include "kernels/scale/scale.h"

#include "tests/support/kernel_case.h"

namespace burin::test {
namespace {

class Scale : public TwinTest {};

TEST_F(Scale, ZeroHidesNoNanAndOverflowIsInfinity) {
  const float infinity = std::numeric_limits<float>::infinity();
  const Buffer x({NAN, infinity, -infinity, -1.0f, 1e-45f});
  Buffer y(x.size());
  twin::scale(x.data(), 0.0f, y.data(), x.size(), false, {});
  for (int64_t i = 0; i < 3; ++i) EXPECT_TRUE(std::isnan(y[i]));
  EXPECT_EQ(y[3], 0.0f);
  EXPECT_TRUE(std::signbit(y[3]));
  const Buffer large(std::vector<float>{3e38f, -3e38f});
  Buffer out(2);
  twin::scale(large.data(), 2.0f, out.data(), 2, false, {});
  EXPECT_EQ(out.values(), (std::vector<float>{infinity, -infinity}));
}

TEST_F(Scale, OfNothingTouchesNothing) {
  Buffer y(std::vector<float>{7.0f});
  twin::scale(nullptr, 2.0f, y.data(), 0, false, {});
  EXPECT_EQ(y[0], 7.0f);
}

}  // namespace
}  // namespace burin::test
