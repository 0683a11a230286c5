#include "engine/optim/optimizer.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/oracle.h"
#include "tests/support/kernel_case.h"
#include "tests/support/optimizers.h"

namespace burin::test {
namespace {

// Multiples of 2^-8 under 4 in magnitude: their sums, and the sums of their squares, are exact.
std::vector<float> dyadic_values(int64_t n, uint32_t seed) {
  std::vector<float> values = random_values(n, 1.0, seed);
  for (float& v : values) v = std::clamp(std::round(v * 256.0f) / 256.0f, -3.0f, 3.0f);
  return values;
}

// Two weights and two biases, off every vector width.
class OptimizerTest : public testing::Test {
 protected:
  OptimizerTest() {
    parameters_.add("0.weight", {13, 11}, true);
    parameters_.add("0.bias", {13}, false);
    parameters_.add("1.weight", {3, 13}, true);
    parameters_.add("1.bias", {3}, false);
    parameters_.allocate(Device::cpu);
    for (int i = 0; i < parameters_.count(); ++i) {
      const int64_t n = parameters_.value(i).elements();
      parameters_.value(i).set(dyadic_values(n, uint32_t(i + 1)));
      parameters_.gradient(i).set(dyadic_values(n, uint32_t(i + 11)));
    }
  }
  std::vector<float> value(int i) const { return parameters_.value(i).to_host(); }
  void zero_gradients() {
    for (int i = 0; i < parameters_.count(); ++i) {
      parameters_.gradient(i).set(
          std::vector<float>(size_t(parameters_.gradient(i).elements()), 0.0f));
    }
  }
  static UpdateRule rule(OptimizerKind kind, L1Mode mode = L1Mode::prox) {
    UpdateRule rule;
    rule.optimizer = kind;
    rule.l1_mode = mode;
    return rule;
  }
  // From the values as they are, by another way.
  void expect_statistics(const Optimizer& optimizer) const {
    int64_t zeros = 0, weights = 0;
    double l1 = 0;
    for (int i = 0; i < parameters_.count(); ++i) {
      const std::vector<float> values = value(i);
      const int64_t here = std::count(values.begin(), values.end(), 0.0f);
      EXPECT_EQ(optimizer.stats(i).zeros, here);
      EXPECT_EQ(optimizer.stats(i).abs_sum, oracle::abs_sum(values));
      if (!parameters_.info(i).is_weight) continue;
      zeros += here;
      weights += int64_t(values.size());
      l1 += oracle::abs_sum(values);
    }
    EXPECT_EQ(optimizer.zero_fraction(), double(zeros) / double(weights));
    EXPECT_EQ(optimizer.l1_norm(), l1);
  }

  Parameters parameters_;
};

TEST_F(OptimizerTest, LambdaActsOnWeightsAlone) {
  zero_gradients();
  for (const L1Mode mode : {L1Mode::prox, L1Mode::decoupled}) {
    Optimizer optimizer(parameters_, rule(OptimizerKind::sgd, mode));
    const std::vector<float> bias0 = value(1), bias1 = value(3), weight0 = value(0);
    optimizer.set_lambda(0.5f);
    EXPECT_EQ(optimizer.lambda(0), 0.5f);
    optimizer.step(0.5f, 1);  // threshold 1/4
    EXPECT_EQ(value(1), bias0);
    EXPECT_EQ(value(3), bias1);
    const std::vector<float> after = value(0);
    for (size_t i = 0; i < after.size(); ++i) {
      EXPECT_EQ(double{after[i]}, oracle::l1_prox(double{weight0[i]}, 0.25));
    }
    expect_statistics(optimizer);
    EXPECT_GT(optimizer.zero_fraction(), 0.1);
  }
}

TEST_F(OptimizerTest, LambdaCanBeTakenBack) {
  zero_gradients();
  Optimizer optimizer(parameters_, rule(OptimizerKind::sgd));
  optimizer.set_lambda(0.5f);
  optimizer.set_lambda(0.0f);
  const std::vector<float> before = value(0);
  optimizer.step(0.5f, 1);
  EXPECT_EQ(value(0), before);
}

TEST_F(OptimizerTest, StepIsTheOracleForEveryRule) {
  for (const OptimizerKind kind : kOptimizers) {
    SCOPED_TRACE(int(kind));
    const auto oracle_kind = static_cast<oracle::L1Optimizer>(kind);
    std::vector<std::vector<oracle::L1Weight>> expected;
    for (int i = 0; i < parameters_.count(); ++i) {
      parameters_.value(i).set(dyadic_values(parameters_.value(i).elements(), uint32_t(i + 1)));
      expected.emplace_back();
      for (const float w : value(i)) expected.back().push_back({double{w}});
    }
    Optimizer optimizer(parameters_, rule(kind));
    const float lr = 0.01f, lambda = 0.1f;
    optimizer.set_lambda(lambda);
    for (int t = 1; t <= 3; ++t) {
      optimizer.step(lr, t);
      for (int i = 0; i < parameters_.count(); ++i) {
        const UpdateRule r = rule(kind);
        const oracle::L1Setting setting{
            oracle_kind,        oracle::L1Penalty::prox,
            double{lr},         parameters_.info(i).is_weight ? double{lambda} : 0.0,
            double{r.momentum}, double{r.beta1},
            double{r.beta2},    double{r.epsilon},
            double{r.rho}};
        const std::vector<float> gradient = parameters_.gradient(i).to_host();
        for (size_t j = 0; j < gradient.size(); ++j) {
          oracle::l1_step(setting, t, double{gradient[j]}, expected[size_t(i)][j]);
          // Steps are below 0.05: a few roundings of the weight in each.
          expect_close(double{value(i)[j]}, expected[size_t(i)][j].w, 8 * t, 3.0, "weight");
        }
      }
    }
    for (const Optimizer::State& s : optimizer.states()) {
      const std::vector<float> buffer = parameters_.view(*s.buffer, 2).to_host();
      const std::string name = s.name;
      for (size_t j = 0; j < buffer.size(); ++j) {
        const oracle::L1Weight& e = expected[2][j];
        const double want = name == "m" || name == "momentum" ? e.m : name == "v" ? e.v : e.a;
        expect_close(double{buffer[j]}, want, 16, 0.01, s.name);
      }
    }
  }
}

TEST_F(OptimizerTest, StateNames) {
  const auto names = [&](OptimizerKind kind) {
    const Optimizer optimizer(parameters_, rule(kind));
    std::vector<std::string> list;
    for (const Optimizer::State& state : optimizer.states()) {
      list.push_back(state.name);
      EXPECT_EQ(state.buffer->bytes(), parameters_.values().bytes());
    }
    return list;
  };
  EXPECT_EQ(names(OptimizerKind::sgd), (std::vector<std::string>{}));
  EXPECT_EQ(names(OptimizerKind::momentum), (std::vector<std::string>{"momentum"}));
  for (const OptimizerKind kind :
       {OptimizerKind::adam, OptimizerKind::adamw, OptimizerKind::adamax, OptimizerKind::nadam}) {
    EXPECT_EQ(names(kind), (std::vector<std::string>{"m", "v"}));
  }
  EXPECT_EQ(names(OptimizerKind::nesterov), (std::vector<std::string>{"momentum"}));
  EXPECT_EQ(names(OptimizerKind::adagrad), (std::vector<std::string>{"v"}));
  EXPECT_EQ(names(OptimizerKind::rmsprop), (std::vector<std::string>{"v"}));
  EXPECT_EQ(names(OptimizerKind::adadelta), (std::vector<std::string>{"v", "steps"}));
  EXPECT_EQ(names(OptimizerKind::amsgrad), (std::vector<std::string>{"m", "v", "largest_v"}));
}

TEST_F(OptimizerTest, FrozenZerosStayAndTheOthersMove) {
  for (const OptimizerKind kind : kOptimizers) {
    SCOPED_TRACE(int(kind));
    for (const bool freeze : {false, true}) {
      for (int i = 0; i < parameters_.count(); ++i) {
        std::vector<float> values = dyadic_values(parameters_.value(i).elements(), 7);
        std::vector<float> gradient(values.size(), 0.5f);
        for (size_t j = 0; j < values.size(); j += 2) values[j] = j % 4 == 0 ? 0.0f : -0.0f;
        for (size_t j = 1; j < values.size(); j += 2) values[j] += 4.0f;
        parameters_.value(i).set(values);
        parameters_.gradient(i).set(gradient);
      }
      Optimizer optimizer(parameters_, rule(kind));
      if (freeze) optimizer.freeze_zeros();
      const std::vector<float> weight = value(0), bias = value(1);
      for (int t = 1; t <= 3; ++t) optimizer.step(0.01f, t);
      for (size_t j = 0; j < weight.size(); ++j) {
        EXPECT_EQ(value(0)[j] == weight[j], freeze && j % 2 == 0) << j;
      }
      // A bias may be zero by chance: it is not part of the support.
      for (size_t j = 0; j < bias.size(); ++j) EXPECT_NE(value(1)[j], bias[j]);
      EXPECT_EQ(optimizer.zero_fraction() > 0.5, freeze);
    }
  }
}

TEST_F(OptimizerTest, WeightsDecayAndBiasesDoNot) {
  zero_gradients();
  Optimizer optimizer(parameters_, rule(OptimizerKind::adamw));
  optimizer.set_weight_decay(0.5f);
  const std::vector<float> weight = value(2), bias = value(3);
  optimizer.step(0.25f, 1);
  for (size_t j = 0; j < weight.size(); ++j) EXPECT_EQ(value(2)[j], 0.875f * weight[j]);
  EXPECT_EQ(value(3), bias);
}

TEST_F(OptimizerTest, EachParameterMayHaveItsLambda) {
  zero_gradients();
  Optimizer optimizer(parameters_, rule(OptimizerKind::sgd));
  optimizer.set_lambdas({1.0, 18.0, 0.0, 18.0}, 0.5);  // not read of biases
  const std::vector<float> first = value(0), second = value(2), bias = value(1);
  optimizer.step(0.5f, 1);
  for (size_t j = 0; j < first.size(); ++j) {
    EXPECT_EQ(double{value(0)[j]}, oracle::l1_prox(double{first[j]}, 0.25));
  }
  EXPECT_EQ(value(2), second);
  EXPECT_EQ(value(1), bias);
}

// A weight's rows go with their biases, wherever these lie.
TEST_F(OptimizerTest, GroupLassoPairsWeightsAndBiases) {
  zero_gradients();
  UpdateRule of_groups = rule(OptimizerKind::sgd);
  of_groups.penalty = Penalty::group_lasso;
  Optimizer optimizer(parameters_, of_groups);
  optimizer.set_lambda(0.5f);
  std::vector<float> weight = value(0), bias = value(1);
  for (size_t j = 0; j < 11; ++j) weight[4 * 11 + j] = 0.1f;
  bias[4] = 0.1f;
  parameters_.value(0).set(weight);
  parameters_.value(1).set(bias);
  optimizer.step(0.5f, 1);
  for (size_t row = 0; row < 13; ++row) {
    double norm = double{bias[row]} * double{bias[row]};
    for (size_t j = 0; j < 11; ++j) norm += std::pow(double{weight[row * 11 + j]}, 2);
    const double factor = std::max(0.0, 1 - 0.25 * std::sqrt(12.0) / std::sqrt(norm));
    EXPECT_EQ(factor == 0, row == 4);
    expect_close(double{value(1)[row]}, factor * double{bias[row]}, 2, 0, "bias");
    for (size_t j = 0; j < 11; ++j) {
      const size_t i = row * 11 + j;
      expect_close(double{value(0)[i]}, factor * double{weight[i]}, 2, 0, "weight");
    }
  }
  expect_statistics(optimizer);

  Parameters odd;
  odd.add("weights", {3, 3}, true);
  odd.allocate(Device::cpu);
  EXPECT_THROW(Optimizer(odd, of_groups), std::invalid_argument);
}

TEST_F(OptimizerTest, StatisticsAreExact) {
  Optimizer optimizer(parameters_, rule(OptimizerKind::sgd));
  optimizer.set_lambda(0.25f);
  optimizer.step(0.5f, 1);
  expect_statistics(optimizer);
  EXPECT_GT(optimizer.stats(0).zeros, 0);
  double squares = 0;
  for (int i = 0; i < parameters_.count(); ++i) {
    squares += oracle::sum_of_squares(parameters_.gradient(i).to_host());
  }
  EXPECT_EQ(optimizer.gradient_norm(), std::sqrt(squares));  // biases too, lambda not
}

TEST_F(OptimizerTest, GradientNormIsOfTheSmoothLoss) {
  Optimizer with(parameters_, rule(OptimizerKind::adam, L1Mode::subgradient));
  with.set_lambda(10.0f);
  with.step(0.001f, 1);
  Optimizer without(parameters_, rule(OptimizerKind::adam, L1Mode::subgradient));
  without.step(0.001f, 1);
  EXPECT_EQ(with.gradient_norm(), without.gradient_norm());
  EXPECT_GT(with.gradient_norm(), 0.0);
}

TEST_F(OptimizerTest, MeasureIsWhatAStepCounts) {
  Optimizer optimizer(parameters_, rule(OptimizerKind::sgd));
  optimizer.set_lambda(0.25f);
  optimizer.step(0.5f, 1);
  Optimizer fresh(parameters_, rule(OptimizerKind::sgd));
  const std::vector<float> before = value(0);
  fresh.measure();
  EXPECT_EQ(value(0), before);
  expect_statistics(fresh);
  for (int i = 0; i < parameters_.count(); ++i) {
    EXPECT_EQ(fresh.stats(i).zeros, optimizer.stats(i).zeros);
    EXPECT_EQ(fresh.stats(i).abs_sum, optimizer.stats(i).abs_sum);
  }
  EXPECT_EQ(fresh.zero_fraction(), optimizer.zero_fraction());
  EXPECT_EQ(fresh.l1_norm(), optimizer.l1_norm());
  EXPECT_EQ(fresh.gradient_norm(), 0.0);
}

TEST_F(OptimizerTest, PaddingStaysZero) {
  Optimizer optimizer(parameters_, rule(OptimizerKind::adam));
  optimizer.set_lambda(0.01f);
  for (int t = 1; t <= 3; ++t) optimizer.step(0.01f, t);
  std::vector<const Memory*> buffers = {&parameters_.values(), &parameters_.gradients()};
  for (const Optimizer::State& state : optimizer.states()) buffers.push_back(state.buffer);
  for (const Memory* buffer : buffers) {
    int64_t end = 0;
    for (const ParameterInfo& info : parameters_.infos()) {
      for (; end < info.offset; ++end) EXPECT_EQ(buffer->as<float>()[end], 0.0f);
      end = info.offset + info.shape.elements();
    }
    for (; end < parameters_.flat_size(); ++end) EXPECT_EQ(buffer->as<float>()[end], 0.0f);
  }
}

}  // namespace
}  // namespace burin::test
