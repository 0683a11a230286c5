#include "kernels/ema_update/ema_update.h"

#include "tests/support/kernel_case.h"

namespace burin::test {
namespace {

class EmaUpdate : public TwinTest {};

TEST_F(EmaUpdate, ConvergesToAConstant) {
  Buffer value(std::vector<float>{2.0f}), average(std::vector<float>{0.0f});
  const Buffer decay(std::vector<float>{0.9f});
  for (int i = 0; i < 400; ++i) twin::ema_update(value.data(), average.data(), 1, decay.data(), {});
  EXPECT_NEAR(average[0], 2.0, 1e-5);
}

TEST_F(EmaUpdate, TheMaskIsThatOfTheWeights) {
  const Buffer value({0.0f, -0.0f, 1.0f, -2.0f, 0.0f});
  const Buffer average({0.5f, 0.25f, 0.75f, -1.5f, 0.0f});
  Buffer out(5);
  twin::masked_average(value.data(), average.data(), out.data(), 5, {});
  EXPECT_EQ(out.values(), (std::vector<float>{0.0f, 0.0f, 0.75f, -1.5f, 0.0f}));
}

}  // namespace
}  // namespace burin::test
