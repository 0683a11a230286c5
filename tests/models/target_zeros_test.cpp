// Steering lambda: the rule, on a plant with a lag, and in a run.
#include "models/target_zeros.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/model_case.h"

namespace burin::test {
namespace {

TEST(TargetZeros, TheWayIsACubicAndThenStays) {
  EXPECT_EQ(zeros_wanted(0.8, 0), 0.0);
  EXPECT_NEAR(zeros_wanted(0.8, 0.5), 0.8 * (1 - 0.125), 1e-15);
  for (const double way : {1.0, 1.5, 3.0}) EXPECT_EQ(zeros_wanted(0.8, way), 0.8);
  for (double way = 0; way < 1; way += 0.01) {
    EXPECT_LT(zeros_wanted(0.8, way), zeros_wanted(0.8, way + 0.01));
  }
}

TEST(TargetZeros, LambdaRisesWhereZerosAreMissingAndAsTheyFall) {
  const Steering settled{2.0, 0.1};
  EXPECT_DOUBLE_EQ(steered(settled, 0.5, 0.6, 1).factor, 2.0 * std::exp(0.025));
  EXPECT_DOUBLE_EQ(steered(settled, 0.5, 0.6, 0.2).factor, 2.0 * std::exp(0.005));
  EXPECT_DOUBLE_EQ(steered(settled, 0.5, 0.6, 1).error, 0.6 - 0.5);
  EXPECT_DOUBLE_EQ(steered({2.0, 0.0}, 0.5, 0.5, 1).factor, 2.0);
  EXPECT_LT(steered({2.0, 0.1}, 0.52, 0.6, 1).factor, 2.0);  // on its way: it comes by itself
  EXPECT_GT(steered({2.0, 0.1}, 0.48, 0.6, 1).factor, steered(settled, 0.5, 0.6, 1).factor);
  // By no more than a quarter at a time.
  EXPECT_DOUBLE_EQ(steered({2.0, 0.0}, 0.0, 1.0, 1).factor, 2.5);
  EXPECT_DOUBLE_EQ(steered({2.0, 0.0}, 1.0, 0.0, 1).factor, 1.6);
}

// Zeros that move to z0 + 0.3 log lambda, by 1 / lag of the way at each look: whatever the lag, the
// beginning and the fall of the rate, which makes the lag longer.
TEST(TargetZeros, SettlesOnAPlantWithALag) {
  for (const double lag : {1.0, 5.0, 20.0}) {
    for (const double begin : {-1.0, 0.0, 0.6}) {
      Steering steering;
      double zeros = 0, highest = 0;
      const int looks = 400, ramp = 240;
      for (int look = 0; look < looks; ++look) {
        const double rate = 0.02 + 0.98 * 0.5 * (1 + std::cos(M_PI * look / looks));
        const double stays = begin + 0.3 * std::log(steering.factor);
        zeros += (std::clamp(stays, 0.0, 1.0) - zeros) * std::min(1.0, rate / lag);
        highest = std::max(highest, zeros);
        steering = steered(steering, zeros, zeros_wanted(0.8, double(look) / ramp), rate);
      }
      EXPECT_NEAR(zeros, 0.8, 0.01) << lag << ", " << begin;
      EXPECT_LT(highest, 0.82) << lag << ", " << begin;
    }
  }
}

TEST(TargetZeros, ARunArrives) {
  Config config;
  config.model = ModelKind::vae;
  config.batch = 25;
  config.latent = 10;
  config.encoder_hidden = {32};
  config.decoder_hidden = {32};
  config.lr = 2e-3;
  // Lambdas to begin with that are too small for one of the networks and too large for the other; a
  // layer without a penalty counts for nothing.
  config.l1_encoder = 3e-3;
  config.l1_decoder = 3e-2;
  config.l1_layers = "encoder.logvar=0";
  config.target_zeros = 0.7;
  config.target_epochs = 3;
  ModelCase test(config, 2500);
  test.train(600);
  for (const Model::Network& network : test.model->networks()) {
    double zeros = 0, weights = 0;
    for (int i = 0; i < network.parameters->count(); ++i) {
      if (network.lambdas[size_t(i)] == 0) continue;
      zeros += double(network.optimizer->stats(i).zeros);
      weights += double(network.parameters->info(i).shape.elements());
    }
    EXPECT_NEAR(zeros / weights, 0.7, 0.02) << network.name;
  }
}

}  // namespace
}  // namespace burin::test
