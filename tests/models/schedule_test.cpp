#include "models/schedule.h"

#include <gtest/gtest.h>

#include <cmath>

namespace burin::test {
namespace {

constexpr int64_t kStepsPerEpoch = 100;

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
  const Schedule schedule(config, kStepsPerEpoch);
  for (const int64_t step : {0, 199, 200, 300, 1000000}) EXPECT_EQ(schedule.rate_factor(step), 1.0);
}

TEST(Schedule, EdgesAndMiddle) {
  for (const char* kind : {"linear", "cosine"}) {
    const Config config = decaying(kind);
    const Schedule schedule(config, kStepsPerEpoch);
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
  EXPECT_NEAR(Schedule(linear, kStepsPerEpoch).rate_factor(250), 1.0 - 0.9 * 0.25, 1e-15);
  const Config cosine = decaying("cosine");
  const double fall = (1.0 - std::sqrt(0.5)) / 2.0;  // (1 - cos(45 degrees)) / 2
  EXPECT_NEAR(Schedule(cosine, kStepsPerEpoch).rate_factor(250), 1.0 - 0.9 * fall, 1e-15);
}

TEST(Schedule, AnEmptyDecayIsAStep) {
  for (const char* kind : {"linear", "cosine"}) {
    Config config = decaying(kind);
    config.decay_until = 2;
    const Schedule schedule(config, kStepsPerEpoch);
    EXPECT_EQ(schedule.rate_factor(199), 1.0);
    EXPECT_NEAR(schedule.rate_factor(200), 0.1, 1e-15);
    config.decay_until = 1;  // before it begins
    EXPECT_EQ(schedule.rate_factor(199), 1.0);
    EXPECT_NEAR(schedule.rate_factor(200), 0.1, 1e-15);
  }
}

TEST(Schedule, Stairs) {
  Config config = decaying("step");
  {
    const Schedule schedule(config, kStepsPerEpoch);
    EXPECT_EQ(schedule.rate_factor(199), 1.0);
    for (const int64_t step : {200, 201, 399, 400, 1000}) {
      EXPECT_NEAR(schedule.rate_factor(step), 0.1, 1e-15);
    }
  }
  config.lr_final = 0.5;
  config.decay_every = 0.7;  // a border that is no whole number in doubles
  config.decay_until = 4.1;
  const Schedule schedule(config, kStepsPerEpoch);
  const struct {
    int64_t step;
    double factor;
  } expected[] = {{199, 1},     {200, 0.5},   {269, 0.5},    {270, 0.25},   {339, 0.25},
                  {340, 0.125}, {409, 0.125}, {410, 0.0625}, {1000, 0.0625}};
  for (const auto& [step, factor] : expected) EXPECT_EQ(schedule.rate_factor(step), factor) << step;
}

TEST(Schedule, WarmUp) {
  Config config = decaying("linear");
  config.lr_warmup = 0.5;
  config.l1_warmup = 0.5;
  const Schedule schedule(config, kStepsPerEpoch);
  EXPECT_NEAR(schedule.rate_factor(0), 1.0 / 50, 1e-15);
  EXPECT_NEAR(schedule.rate_factor(24), 0.5, 1e-15);
  EXPECT_EQ(schedule.rate_factor(49), 1.0);
  EXPECT_NEAR(schedule.rate_factor(300), 0.55, 1e-15);
  EXPECT_EQ(schedule.lambda_factor(0), 0.0);
  EXPECT_NEAR(schedule.lambda_factor(25), 0.5, 1e-15);
  EXPECT_EQ(schedule.lambda_factor(50), 1.0);
  EXPECT_EQ(schedule.lambda_factor(1000000), 1.0);
}

TEST(Schedule, LambdaFallsByItsOwnSettings) {
  for (const char* kind : {"constant", "linear", "cosine", "step"}) {
    Config config = decaying("cosine");
    config.l1_schedule = kind;
    config.l1_final = 0.2;
    config.l1_decay_from = 1;
    config.l1_decay_until = 2;
    const Schedule schedule(config, kStepsPerEpoch);
    EXPECT_EQ(schedule.lambda_factor(99), 1.0);
    const std::string name = kind;
    const double middle = name == "constant" ? 1.0 : name == "step" ? 0.2 : 0.6;
    EXPECT_NEAR(schedule.lambda_factor(150), middle, 1e-15) << kind;
    EXPECT_NEAR(schedule.lambda_factor(200), name == "constant" ? 1.0 : 0.2, 1e-15) << kind;
  }
}

// However long the run is to be.
TEST(Schedule, TheLengthOfTheRunChangesNothing) {
  Config config = decaying("cosine");
  config.lr_warmup = config.l1_warmup = 0.5;
  config.l1_schedule = "linear";
  config.l1_decay_until = 3;
  config.target_epochs = 2;
  Config longer = config;
  longer.epochs *= 3;
  const Schedule first(config, kStepsPerEpoch), second(longer, kStepsPerEpoch);
  for (int64_t step = 0; step < 1000; step += 7) {
    EXPECT_EQ(first.rate_factor(step), second.rate_factor(step));
    EXPECT_EQ(first.lambda_factor(step), second.lambda_factor(step));
    EXPECT_EQ(first.target_way(step), second.target_way(step));
  }
}

TEST(Schedule, L1EndsAtItsEpoch) {
  Config config;
  const Schedule schedule(config, kStepsPerEpoch);
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

TEST(Schedule, TheCutIsWhereL1EndsOrGrowsUpToThere) {
  Config config;
  config.l1_epochs = 3;
  config.l1_cut = 0.8;
  Schedule at_once(config, kStepsPerEpoch);
  for (int64_t step = 0; step < 500; ++step) {
    EXPECT_EQ(at_once.cut_fraction(step), step == 300 ? 0.8 : 0.0) << step;
  }
  config.l1_cut_from = 1;
  const Schedule growing(config, kStepsPerEpoch);
  for (int64_t step = 0; step < 500; ++step) {
    const bool cuts = step > 100 && step <= 300 && step % 5 == 0;  // 20 an epoch
    const double rest = double(300 - step) / 200;
    const double expected = cuts ? 0.8 * (1 - rest * rest * rest) : 0.0;
    EXPECT_NEAR(growing.cut_fraction(step), expected, 1e-15) << step;
  }
}

}  // namespace
}  // namespace burin::test
