#include "kernels/fill/fill.h"

#include "kernels/common/math.h"
#include "tests/support/kernel_case.h"

namespace burin::test {
namespace {

class Fill : public TwinTest {};

TEST_F(Fill, KeepsTheBitsOfTheValue) {
  for (const float value : {-0.0f, 1e-45f, std::numeric_limits<float>::infinity(), NAN}) {
    Buffer x(33);
    twin::fill(x.data(), x.size(), value, {});
    for (int64_t i = 0; i < x.size(); ++i) {
      EXPECT_EQ(math::bits_of(x[i]), math::bits_of(value));
    }
  }
}

TEST_F(Fill, OfNothingTouchesNothing) {
  Buffer x(std::vector<float>{7.0f});
  twin::fill(x.data(), 0, 1.0f, {});
  EXPECT_EQ(x[0], 7.0f);
}

}  // namespace
}  // namespace burin::test
