#include "kernels/l1_activity/l1_activity.h"

#include "tests/support/kernel_case.h"

namespace burin::test {
namespace {

class L1Activity : public TwinTest {};

constexpr float kScale = 0.01f;

TEST_F(L1Activity, ZeroHasNoGradient) {
  const float infinity = std::numeric_limits<float>::infinity();
  const Buffer x({0.0f, -0.0f, 1e-45f, -1e-45f, infinity, -infinity});
  Buffer d_x(x.size());
  twin::l1_activity_backward(x.data(), d_x.data(), x.size(), kScale, false, {});
  EXPECT_EQ(d_x.values(), (std::vector<float>{0.0f, 0.0f, kScale, -kScale, kScale, -kScale}));
  Buffer loss(1);
  twin::l1_activity_forward(x.data(), 2, kScale, loss.data(), {});
  EXPECT_EQ(loss[0], 0.0f);
  EXPECT_FALSE(std::signbit(loss[0]));
  twin::l1_activity_forward(x.data(), 0, kScale, loss.data(), {});
  EXPECT_EQ(loss[0], 0.0f);
  twin::l1_activity_forward(x.data(), x.size(), kScale, loss.data(), {});
  EXPECT_EQ(loss[0], infinity);
}

}  // namespace
}  // namespace burin::test
