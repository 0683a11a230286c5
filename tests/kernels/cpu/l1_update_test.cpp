// What the twins of l1_update share, and the scalars that the host works out.
#include "kernels/l1_update/l1_update_formula.h"

#include <bit>
#include <cmath>

#include "tests/kernels/l1_update_network.h"
#include "tests/support/kernel_case.h"

namespace burin::test {
namespace {

// The borders of the threshold itself: |u| equal to it goes, the next float stays.
TEST(L1UpdateFormula, ThresholdIsClosed) {
  const float t = 0.25f, above = std::nextafter(t, 1.0f);
  EXPECT_EQ(std::bit_cast<uint32_t>(soft_threshold(t, t)), 0u);
  EXPECT_EQ(std::bit_cast<uint32_t>(soft_threshold(-t, t)), 0u);
  EXPECT_EQ(soft_threshold(above, t), above - t);
  EXPECT_EQ(soft_threshold(-above, t), t - above);
  EXPECT_TRUE(std::isnan(soft_threshold(NAN, t)));
}

TEST(L1UpdateFormula, ScalarsAreRoundedOnce) {
  for (const OptimizerKind optimizer : kOptimizers) {
    const UpdateRule rule{.optimizer = optimizer};
    const bool both = optimizer == OptimizerKind::adam || optimizer == OptimizerKind::adamw ||
                      optimizer == OptimizerKind::nadam;
    for (const int64_t t : {1, 2, 3, 10, 1000, 100000, 10000000}) {
      const UpdateScalars s = update_scalars(rule, 2e-4f, t);
      EXPECT_EQ(s.learning_rate, 2e-4f);
      EXPECT_EQ(s.lambda_scale, 1.0f);
      if (both || optimizer == OptimizerKind::adamax) {
        expect_close(s.bias_correction1, -std::expm1(double(t) * std::log(double(rule.beta1))),
                     0.51);
      } else {
        EXPECT_EQ(s.bias_correction1, 1.0f);
      }
      if (both) {
        expect_close(s.bias_correction2, -std::expm1(double(t) * std::log(double(rule.beta2))),
                     0.51);
      } else {
        EXPECT_EQ(s.bias_correction2, 1.0f);
      }
    }
  }
}

// What a trainer counts now and then is what the update itself would have counted.
TEST(SegmentStats, AreThoseOfTheUpdate) {
  Network net({{100352, 0.5f}, {1, 0.1f}, {0, 0.1f}, {2049, 0.0f}, {5000, 0.2f}});
  const std::vector<SegmentStats> updated = net.update({}, update_scalars({}, 0.01f, 1));
  BufferOf<SegmentStats> counted(int64_t(updated.size()));
  cpu::segment_stats(net.w.data(), net.g.data(), net.segments.data(), int64_t(updated.size()),
                     counted.data());
  EXPECT_GT(updated[0].zeros, 0);
  for (size_t s = 0; s < updated.size(); ++s) {
    EXPECT_EQ(counted[int64_t(s)].zeros, updated[s].zeros);
    EXPECT_EQ(counted[int64_t(s)].abs_sum, updated[s].abs_sum);
    EXPECT_EQ(counted[int64_t(s)].grad_squares, updated[s].grad_squares);
  }
}

}  // namespace
}  // namespace burin::test
