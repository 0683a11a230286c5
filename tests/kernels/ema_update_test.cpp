#include "kernels/ema_update/ema_update.h"

#include <gtest/gtest.h>

#include "tests/support/kernel_case.h"

namespace burin::test {
namespace {

TEST(EmaUpdate, MovesByTheGivenFraction) {
  for (const int64_t n : kSizes) {
    const Buffer value(random_values(n));
    Buffer average(random_values(n, 1.0, 2));
    const std::vector<float> before = average.values();
    cpu::ema_update(value.data(), average.data(), n, 0.9f, {});
    for (int64_t i = 0; i < n; ++i) {
      const double old = before[size_t(i)];
      const double kept = double{0.9f};
      expect_close(average[i], kept * old + (1 - kept) * value[i], 2,
                   std::abs(old) + std::abs(double{value[i]}));
    }
  }
}

TEST(EmaUpdate, ConvergesToAConstant) {
  Buffer value(std::vector<float>{2.0f}), average(std::vector<float>{0.0f});
  for (int i = 0; i < 400; ++i) cpu::ema_update(value.data(), average.data(), 1, 0.9f, {});
  EXPECT_NEAR(average[0], 2.0, 1e-5);
}

TEST(EmaUpdate, TheMaskIsThatOfTheWeights) {
  const Buffer value({0.0f, -0.0f, 1.0f, -2.0f, 0.0f});
  const Buffer average({0.5f, 0.25f, 0.75f, -1.5f, 0.0f});
  Buffer out(5);
  cpu::masked_average(value.data(), average.data(), out.data(), 5, {});
  EXPECT_EQ(out.values(), (std::vector<float>{0.0f, 0.0f, 0.75f, -1.5f, 0.0f}));
}

}  // namespace
}  // namespace burin::test
