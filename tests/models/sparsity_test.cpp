// What penalties leave of a network that is trained.
#include <gtest/gtest.h>

#include "tests/support/training_case.h"

namespace burin::test {
namespace {

TEST(Sparsity, ProxGivesExactZerosAndSubgradientNone) {
  for (Config config : {sparse_gan(), sparse_vae()}) {
    for (const char* mode : {"prox", "subgradient"}) {
      config.l1_mode = mode;
      ModelCase test = make_case(config);
      test.train(20);
      for (const char* name : {"generator", "encoder", "decoder"}) {
        for (const Model::Network& network : test.model->networks()) {
          if (std::string(network.name) != name) continue;
          const double zeros = network.optimizer->zero_fraction();
          if (config.l1_mode == "prox") {
            EXPECT_GT(zeros, kSlow ? 0.002 : 0.01) << name;
          } else {
            EXPECT_EQ(zeros, 0.0) << name;
          }
        }
      }
    }
  }
}

// Neurons go as a whole, the bias too, and stay gone when the penalty ends.
TEST(Sparsity, GroupLassoTakesNeurons) {
  Config config = sparse_vae();
  config.penalty = "group_lasso";
  config.l1_encoder = config.l1_decoder = 0.2;
  config.l1_epochs = 1;
  ModelCase test = make_case(config);
  const auto dead = [&] {
    std::vector<std::string> list;
    for (const Model::Network& network : test.model->networks()) {
      const Parameters& parameters = *network.parameters;
      for (int i = 0; i < parameters.count(); ++i) {
        const ParameterInfo& info = parameters.info(i);
        if (!info.is_weight) continue;
        const std::vector<float> w = parameters.value(i).to_host();
        const std::string layer = info.name.substr(0, info.name.rfind('.'));
        int bias = 0;
        while (parameters.info(bias).name != layer + ".bias") ++bias;
        const std::vector<float> b = parameters.value(bias).to_host();
        const auto row = size_t(info.shape[1]);
        for (size_t r = 0; r < b.size(); ++r) {
          const auto zeros =
              std::count(w.begin() + int64_t(r * row), w.begin() + int64_t((r + 1) * row), 0.0f);
          EXPECT_TRUE(zeros == 0 || zeros == int64_t(row)) << info.name << ", row " << r;
          EXPECT_EQ(b[r] == 0.0f, zeros > 0) << info.name << ", row " << r;
          if (zeros > 0) list.push_back(layer + "." + std::to_string(r));
        }
      }
    }
    return list;
  };
  test.train(kPerEpoch);
  const std::vector<std::string> before = dead();
  EXPECT_GT(before.size(), BURIN_SLOW_BUILD ? 0u : 5u);
  test.train(3);
  EXPECT_EQ(dead(), before);
}

TEST(Sparsity, LayersMayHaveLambdasOfTheirOwn) {
  Config config = sparse_vae();
  config.l1_encoder = 0;
  config.l1_decoder = 0.03;
  config.l1_layers = "encoder.mean=0.03,decoder.1=0";
  ModelCase test = make_case(config);
  test.train(10);
  for (const Model::Network& network : test.model->networks()) {
    for (int i = 0; i < network.parameters->count(); ++i) {
      const ParameterInfo& info = network.parameters->info(i);
      if (!info.is_weight) continue;
      const std::string name = std::string(network.name) + "." + info.name;
      const bool penalised = name == "encoder.mean.weight" ||
                             (name.starts_with("decoder") && !name.ends_with("1.weight"));
      EXPECT_EQ(network.optimizer->stats(i).zeros > 0, penalised) << name;
    }
  }
  config.l1_layers = "decoder.9=1";
  EXPECT_THROW(make_case(config), UsageError);
}

// After l1_epochs no weight leaves zero, and none is drawn to it.
TEST(Sparsity, TheSupportIsFixedAfterL1) {
  Config config = sparse_vae();
  config.l1_epochs = 1;
  ModelCase test = make_case(config);
  test.train(kPerEpoch);
  const auto is_zero = [&] {
    std::vector<bool> zeros;
    for (const Model::Network& network : test.model->networks()) {
      for (int i = 0; i < network.parameters->count(); ++i) {
        if (!network.parameters->info(i).is_weight) continue;
        for (const float w : network.parameters->value(i).to_host()) zeros.push_back(w == 0.0f);
      }
    }
    return zeros;
  };
  const std::vector<bool> before = is_zero();
  EXPECT_GT(std::count(before.begin(), before.end(), true), 100);
  test.train(5);
  EXPECT_TRUE(is_zero() == before);
}

// The cut takes the smallest of each network, once, and leaves more than L1 alone did.
TEST(Sparsity, TheCutReachesItsFraction) {
  Config config = sparse_vae();
  config.l1_epochs = 1;
  config.l1_cut = 0.6;
  ModelCase test = make_case(config);
  test.train(kPerEpoch);
  for (const Model::Network& network : test.model->networks()) {
    EXPECT_LT(network.optimizer->zero_fraction(), 0.55) << network.name;
  }
  for (int step = 0; step < 3; ++step) {
    test.train(1);
    for (const Model::Network& network : test.model->networks()) {
      EXPECT_NEAR(network.optimizer->zero_fraction(), 0.6, 0.002) << network.name;
    }
  }
}

// Over the model the networks share the zeros, each as it can spare them.
TEST(Sparsity, TheCutOverTheModelReachesItsFractionTogether) {
  Config config = sparse_vae();
  config.l1_epochs = 1;
  config.l1_cut = 0.7;
  config.l1_cut_over = "model";
  ModelCase test = make_case(config);
  test.train(kPerEpoch + 1);
  double zeros = 0, weights = 0;
  std::vector<double> fractions;
  for (const Model::Network& network : test.model->networks()) {
    fractions.push_back(network.optimizer->zero_fraction());
    double here = 0;
    for (const ParameterInfo& info : network.parameters->infos()) {
      if (info.is_weight) here += double(info.shape.elements());
    }
    zeros += fractions.back() * here;
    weights += here;
  }
  EXPECT_NEAR(zeros / weights, 0.7, 0.002);
  EXPECT_GT(std::abs(fractions[0] - fractions[1]), 0.01);
}

// The growing one cuts while L1 acts (what it cuts may grow again), and last as the other does.
TEST(Sparsity, TheCutMayGrow) {
  Config config = sparse_vae();
  config.l1_epochs = 2;
  config.l1_cut = 0.6;
  ModelCase at_once = make_case(config);
  config.l1_cut_from = 1;
  ModelCase growing = make_case(config);
  for (ModelCase* test : {&at_once, &growing}) test->train(kPerEpoch + 1);
  EXPECT_EQ(bits_of(*growing.model), bits_of(*at_once.model));
  for (ModelCase* test : {&at_once, &growing}) test->train(kPerEpoch - 1);
  EXPECT_NE(bits_of(*growing.model), bits_of(*at_once.model));
  growing.train(1);
  for (const Model::Network& network : growing.model->networks()) {
    EXPECT_NEAR(network.optimizer->zero_fraction(), 0.6, 0.002) << network.name;
  }
}

}  // namespace
}  // namespace burin::test
