#include "models/schedule.h"

#include <gtest/gtest.h>

#include <cmath>

namespace burin::test {
namespace {

constexpr int64_t kPerEpoch = 100;

Config decaying(const std::string& kind) {
  Config config;
  config.lr_schedule = kind;
  config.lr_final = 0.1;
  config.decay_from = 2;
  config.decay_until = 4;
  return config;
}

TEST(Schedule, ConstantIgnoresTheOtherSettings) {
  const Config config = decaying("constant");
  const Schedule schedule(config, kPerEpoch);
  for (const int64_t step : {0, 199, 200, 300, 1000000}) EXPECT_EQ(schedule.rate_factor(step), 1.0);
}

TEST(Schedule, EdgesAndMiddle) {
  for (const char* kind : {"linear", "cosine"}) {
    const Config config = decaying(kind);
    const Schedule schedule(config, kPerEpoch);
    EXPECT_EQ(schedule.rate_factor(0), 1.0);
    EXPECT_EQ(schedule.rate_factor(200), 1.0);
    EXPECT_LT(schedule.rate_factor(201), 1.0);
    EXPECT_NEAR(schedule.rate_factor(300), 0.55, 1e-15) << kind;
    EXPECT_GT(schedule.rate_factor(399), 0.1 + 1e-6);
    EXPECT_NEAR(schedule.rate_factor(400), 0.1, 1e-15);
    EXPECT_NEAR(schedule.rate_factor(1000000), 0.1, 1e-15);
    for (int64_t step = 200; step < 400; ++step) {
      EXPECT_GT(schedule.rate_factor(step), schedule.rate_factor(step + 1));
    }
  }
}

TEST(Schedule, Quarter) {
  const Config linear = decaying("linear");
  EXPECT_NEAR(Schedule(linear, kPerEpoch).rate_factor(250), 1.0 - 0.9 * 0.25, 1e-15);
  const Config cosine = decaying("cosine");
  const double fall = (1.0 - std::sqrt(0.5)) / 2.0;  // (1 - cos(45 degrees)) / 2
  EXPECT_NEAR(Schedule(cosine, kPerEpoch).rate_factor(250), 1.0 - 0.9 * fall, 1e-15);
}

TEST(Schedule, AnEmptyDecayIsAStep) {
  for (const char* kind : {"linear", "cosine"}) {
    Config config = decaying(kind);
    config.decay_until = 2;
    const Schedule schedule(config, kPerEpoch);
    EXPECT_EQ(schedule.rate_factor(199), 1.0);
    EXPECT_NEAR(schedule.rate_factor(200), 0.1, 1e-15);
    config.decay_until = 1;  // before it begins
    EXPECT_EQ(schedule.rate_factor(199), 1.0);
    EXPECT_NEAR(schedule.rate_factor(200), 0.1, 1e-15);
  }
}

TEST(Schedule, L1EndsAtItsEpoch) {
  Config config;
  const Schedule schedule(config, kPerEpoch);
  EXPECT_TRUE(schedule.l1_acts(0));
  EXPECT_TRUE(schedule.l1_acts(int64_t{1} << 40));  // 0: to the end
  config.l1_epochs = 2;
  EXPECT_TRUE(schedule.l1_acts(0));
  EXPECT_TRUE(schedule.l1_acts(199));
  EXPECT_FALSE(schedule.l1_acts(200));
  for (const int64_t step : {0, 199, 200, 201, 400}) EXPECT_EQ(schedule.l1_ends(step), step == 200);
  config.l1_epochs = 0.5;
  EXPECT_TRUE(schedule.l1_acts(49));
  EXPECT_FALSE(schedule.l1_acts(50));
}

}  // namespace
}  // namespace burin::test
