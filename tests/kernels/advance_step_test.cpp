#include "kernels/advance_step/advance_step.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "tests/support/kernel_case.h"
#include "tests/support/twin.h"

namespace burin::test {
namespace {

class AdvanceStep : public TwinTest {
 protected:
  static StepScalars scalars(float x) {
    return {{{x, x + 1, x + 2}, {x + 3, x + 4, x + 5}}, x + 6};
  }
  static bool equal(const StepScalars& a, const StepScalars& b) {
    return std::memcmp(&a, &b, sizeof a) == 0;
  }
};

TEST_F(AdvanceStep, CountsSumsAndPutsTheNextScalarsInPlace) {
  const BufferOf<StepScalars> table({scalars(10), scalars(20), scalars(30)});
  BufferOf<StepState> state({StepState{6, 6, 0, 0, 0, {}}});
  BufferOf<StepScalars> current({scalars(10)});
  Buffer first(std::vector<float>{0.0f}), second(std::vector<float>{0.0f});
  double sums[2] = {0, 0};
  for (int i = 1; i <= 4; ++i) {
    const float losses[2] = {0.1f * float(i), 1e8f / float(i)};
    first[0] = losses[0];
    second[0] = losses[1];
    for (int k = 0; k < 2; ++k) sums[k] += double{losses[k]};
    StepLosses given{};
    given.value[0] = first.data();
    given.value[1] = second.data();
    given.count = 2;
    twin::advance_step(given, table.data(), 3, state.data(), current.data(), {});
    const StepState after = state[0];
    EXPECT_EQ(after.step, uint64_t(6 + i));
    EXPECT_EQ(after.summed, uint64_t(i));
    EXPECT_EQ(after.bad_step, 0u);
    EXPECT_EQ(after.loss_sums[0], sums[0]);
    EXPECT_EQ(after.loss_sums[1], sums[1]);
    EXPECT_EQ(after.loss_sums[2], 0.0);
    // Behind the table's end the scalars stay: the host brings new ones.
    EXPECT_TRUE(equal(current[0], scalars(i == 1 ? 20.0f : 30.0f))) << i;
  }
}

TEST_F(AdvanceStep, AStepBeforeTheTableTakesNothingFromIt) {
  const BufferOf<StepScalars> table({scalars(10)});
  BufferOf<StepState> state({StepState{2, 9, 0, 0, 0, {}}});
  BufferOf<StepScalars> current({scalars(1)});
  twin::advance_step(StepLosses{}, table.data(), 1, state.data(), current.data(), {});
  EXPECT_EQ(state[0].step, 3u);
  EXPECT_TRUE(equal(current[0], scalars(1)));
}

TEST_F(AdvanceStep, KeepsTheFirstLossThatIsNotFinite) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const float bad : {kInfinity, -kInfinity, std::nanf("")}) {
    const BufferOf<StepScalars> table({scalars(0)});
    BufferOf<StepState> state({StepState{0, 0, 0, 0, 0, {}}});
    BufferOf<StepScalars> current({scalars(0)});
    Buffer good(std::vector<float>{3e38f}), loss(std::vector<float>{1.0f});
    StepLosses given{};
    given.value[0] = good.data();
    given.value[1] = loss.data();
    given.count = 2;
    for (const float value : {1.0f, bad, 1.0f, kInfinity}) {
      loss[0] = value;
      given.value[1] = loss.data();
      twin::advance_step(given, table.data(), 1, state.data(), current.data(), {});
    }
    EXPECT_EQ(state[0].bad_step, 2u);
    EXPECT_EQ(state[0].bad_loss, 1);
    EXPECT_EQ(state[0].summed, 4u);
  }
}

}  // namespace
}  // namespace burin::test
