#include "kernels/l1_update/l1_update.h"

#include <bit>

#include "tests/kernels/l1_update_network.h"
#include "tests/oracle.h"

namespace burin::test {
namespace {

class L1Update : public TwinTest {};

// 20 steps, a learning rate that changes, segments with and without a penalty. At one small size
// l1_update_pairs_case.cpp does so for each optimiser with each penalty.
TEST_F(L1Update, TrajectoriesAreTheOracles) {
  constexpr int kSteps = 20;
  for_each_rule([&](const UpdateRule& rule) {
    if (rule.optimizer > OptimizerKind::adam) return;
    for (const int64_t n :
         kTestsCuda ? std::vector<int64_t>{2049} : std::vector<int64_t>{1, 3, 31, 33, 257, 2049}) {
      Network net({{n, 0.3f}, {n / 3 + 1, 0.0f}, {7, 2.0f}});
      std::vector<oracle::L1Weight> expected(size_t(net.total));
      std::vector<double> magnitude(size_t(net.total));  // of what each weight is summed from
      net.each([&](int64_t i, const UpdateSegment&) { expected[size_t(i)].w = net.w[i]; });
      double largest_g = 0;
      int64_t zeros = 0;
      for (int t = 1; t <= kSteps; ++t) {
        const float lr = t < 10 ? 0.02f : 0.01f;
        net.set_gradient(uint32_t(t), 0.5);
        const std::vector<SegmentStats> stats = net.update(rule, update_scalars(rule, lr, t));
        zeros = stats[0].zeros + stats[2].zeros;
        net.each([&](int64_t i, const UpdateSegment& s) {
          oracle::L1Weight& x = expected[size_t(i)];
          const double before = x.w;
          oracle::l1_step(oracle_setting(rule, lr, s.lambda), t, net.g[i], x);
          largest_g = std::max(largest_g, std::abs(double(net.g[i])) + s.lambda);
          magnitude[size_t(i)] = std::max({magnitude[size_t(i)], std::abs(before), std::abs(x.w)});
        });
      }
      // A step rounds w twice and m / D a few times; 10 = 1 / (1 - 0.9) bounds |m| / |g|.
      const double step = 0.02 * 10 * (rule.optimizer == OptimizerKind::adam ? 1 : largest_g);
      bool close = true;
      net.each([&](int64_t i, const UpdateSegment&) {
        if (!close) return;
        const oracle::L1Weight& x = expected[size_t(i)];
        expect_close(net.w[i], x.w, 2 * kSteps, magnitude[size_t(i)] + step, "w");
        expect_close(net.m[i], x.m, 2 * kSteps, 10 * largest_g, "m");
        expect_close(net.v[i], x.v, 2 * kSteps, 0, "v");
        close = !::testing::Test::HasFailure();
      });
      if (n > 1000) {  // the case is not one where nothing happens
        if (rule.l1_mode == L1Mode::subgradient) {
          EXPECT_EQ(zeros, 0);
        } else {
          EXPECT_GT(zeros, 0);
          EXPECT_LT(zeros, n);
        }
      }
    }
  });
}

// The plain optimisers, once more in single precision.
void plain_step(const UpdateRule& rule, const UpdateScalars& s, float g, float& w, float& m,
                float& v, float& a) {
  const float lr = s.learning_rate;
  const OptimizerKind kind = rule.optimizer;
  float d = 0.0f;
  switch (kind) {
    case OptimizerKind::sgd:
      w -= lr * g;
      return;
    case OptimizerKind::momentum:
      m = rule.momentum * m + g;
      w -= lr * m;
      return;
    case OptimizerKind::nesterov:
      m = rule.momentum * m + g;
      w -= lr * (g + rule.momentum * m);
      return;
    case OptimizerKind::adagrad:
      v += g * g;
      w -= lr * g * (1.0f / (std::sqrt(v) + rule.epsilon));
      return;
    case OptimizerKind::rmsprop:
      v = rule.rho * v + (1.0f - rule.rho) * (g * g);
      w -= lr * g * (1.0f / (std::sqrt(v) + rule.epsilon));
      return;
    case OptimizerKind::adadelta: {
      v = rule.rho * v + (1.0f - rule.rho) * (g * g);
      const float inverse = std::sqrt(a + rule.epsilon) / std::sqrt(v + rule.epsilon);
      const float moved = g * inverse;
      a = rule.rho * a + (1.0f - rule.rho) * (moved * moved);
      w -= lr * g * inverse;
      return;
    }
    case OptimizerKind::adamax:
      m = rule.beta1 * m + (1.0f - rule.beta1) * g;
      v = std::max(rule.beta2 * v, std::abs(g));
      w -= (lr / s.bias_correction1) * m * (1.0f / (v + rule.epsilon));
      return;
    default:
      break;
  }
  m = rule.beta1 * m + (1.0f - rule.beta1) * g;
  v = rule.beta2 * v + (1.0f - rule.beta2) * (g * g);
  if (kind == OptimizerKind::amsgrad) {
    a = std::max(a, v);
    w -= lr * m * (1.0f / (std::sqrt(a) + rule.epsilon));
    return;
  }
  d = std::sqrt(v * (1.0f / s.bias_correction2)) + rule.epsilon;
  const float ahead = rule.beta1 * m + (1.0f - rule.beta1) * g;
  w -= (lr / s.bias_correction1) * (kind == OptimizerKind::nadam ? ahead : m) * (1.0f / d);
}

TEST_F(L1Update, LambdaZeroIsThePlainOptimiserToTheBit) {
  const auto expect_plain = [](const UpdateRule& rule) {
    const Layers layers = {{1000, 0.0f}, {33, -0.0f}};
    Network net(layers), plain(layers);
    net.segments[0].row = 25;  // of group lasso; the second segment's elements are biases of none
    // A negative zero that no gradient moves stays one: there is nothing that takes its sign away.
    const int64_t still = net.segments[0].begin + 4;
    net.w[still] = plain.w[still] = -0.0f;
    for (int t = 1; t <= 20; ++t) {
      net.set_gradient(uint32_t(t));
      net.g[still] = 0.0f;
      const UpdateScalars scalars = update_scalars(rule, 0.01f, t);
      net.update(rule, scalars);
      plain.each([&](int64_t i, const UpdateSegment&) {
        plain_step(rule, scalars, net.g[i], plain.w[i], plain.m[i], plain.v[i], plain.a[i]);
      });
    }
    EXPECT_EQ(bits(net.w.values()), bits(plain.w.values()));
    EXPECT_EQ(bits(net.m.values()), bits(plain.m.values()));
    EXPECT_EQ(bits(net.v.values()), bits(plain.v.values()));
    EXPECT_EQ(bits(net.a.values()), bits(plain.a.values()));
    EXPECT_TRUE(std::signbit(net.w[still]));
  };
  for_each_rule(expect_plain);
  for (const Penalty penalty : {Penalty::l2, Penalty::elastic_net, Penalty::group_lasso}) {
    for (const OptimizerKind optimizer :
         {OptimizerKind::sgd, OptimizerKind::adam, OptimizerKind::adadelta, OptimizerKind::adamw}) {
      SCOPED_TRACE("penalty " + std::to_string(int(penalty)) + ", " +
                   kOptimizerNames[int(optimizer)]);
      expect_plain({.optimizer = optimizer, .penalty = penalty});
      if (penalty == Penalty::l2) {
        expect_plain({.optimizer = optimizer, .penalty = penalty, .l2_mode = L2Mode::decoupled});
      }
    }
  }
}

// The scale is that of the step: 0 is no penalty, and 1/2 is half of lambda.
TEST_F(L1Update, LambdaScaleMultipliesLambda) {
  for_each_rule([&](const UpdateRule& rule) {
    for (const float scale : {0.0f, 0.5f}) {
      Network scaled({{257, 0.5f}, {31, 0.0f}}), other({{257, 0.5f * scale}, {31, 0.0f}});
      UpdateScalars scalars = update_scalars(rule, 0.01f, 1);
      other.update(rule, scalars);
      scalars.lambda_scale = scale;
      scaled.update(rule, scalars);
      EXPECT_TRUE(scaled.state() == other.state()) << scale;
    }
  });
}

TEST_F(L1Update, LambdaEntersTheStateInSubgradientModeOnly) {
  for_each_rule([&](const UpdateRule& rule) {
    Network with({{257, 0.5f}}), without({{257, 0.0f}});
    for (int t = 1; t <= 5; ++t) {
      with.set_gradient(uint32_t(t)), without.set_gradient(uint32_t(t));
      with.update(rule, update_scalars(rule, 0.01f, t));
      without.update(rule, update_scalars(rule, 0.01f, t));
    }
    const bool same = rule.l1_mode != L1Mode::subgradient;
    const OptimizerKind kind = rule.optimizer;
    if (has_m(kind)) {
      EXPECT_EQ(bits(with.m.values()) == bits(without.m.values()), same);
    }
    if (has_v(kind)) {
      EXPECT_EQ(bits(with.v.values()) == bits(without.v.values()), same);
    }
    EXPECT_NE(bits(with.w.values()), bits(without.w.values()));
  });
}

TEST_F(L1Update, ThresholdedWeightsArePositiveZero) {
  for_each_rule([&](const UpdateRule& rule) {
    if (!makes_zeros(rule)) return;
    Network net({{100, 1e8f}});
    net.w[net.segments[0].begin] = -0.0f;
    net.g[net.segments[0].begin] = 0.0f;
    const std::vector<SegmentStats> stats = net.update(rule, update_scalars(rule, 0.01f, 1));
    net.each([&](int64_t i, const UpdateSegment&) {
      EXPECT_EQ(std::bit_cast<uint32_t>(net.w[i]), 0u) << "weight " << i;
    });
    EXPECT_EQ(stats[0].zeros, 100);
    EXPECT_EQ(stats[0].abs_sum, 0);
  });
}

TEST_F(L1Update, SubgradientOfZeroIsZero) {
  for (const OptimizerKind optimizer : kOptimizers) {
    Network net({{40, 0.5f}});
    net.each([&](int64_t i, const UpdateSegment&) { net.w[i] = net.g[i] = 0.0f; });
    const UpdateRule rule{.optimizer = optimizer, .l1_mode = L1Mode::subgradient};
    EXPECT_EQ(net.update(rule, update_scalars(rule, 0.1f, 1))[0].zeros, 40);
  }
}

// A weight without a gradient: D is epsilon, and Adam's proximal step takes it at once.
TEST_F(L1Update, AdamProxTakesAWeightThatTheLossDoesNotUse) {
  Network net({{40, 1e-4f}, {40, 0.0f}});
  net.each([&](int64_t i, const UpdateSegment&) { net.g[i] = 0.0f, net.w[i] = 0.05f; });
  const UpdateRule rule;
  const std::vector<SegmentStats> stats = net.update(rule, update_scalars(rule, 2e-4f, 1));
  EXPECT_EQ(stats[0].zeros, 40);
  EXPECT_EQ(stats[1].zeros, 0);
}

TEST_F(L1Update, NonFiniteGradientsAreNotHidden) {
  for_each_rule([&](const UpdateRule& rule) {
    for (const float lambda : {0.0f, 0.1f, 1e6f}) {
      Network net({{64, lambda}});
      const int64_t begin = net.segments[0].begin;
      net.g[begin] = NAN;
      net.g[begin + 17] = std::numeric_limits<float>::infinity();
      net.g[begin + 40] = -std::numeric_limits<float>::infinity();
      const std::vector<SegmentStats> stats = net.update(rule, update_scalars(rule, 0.01f, 1));
      EXPECT_TRUE(std::isnan(net.w[begin]));
      for (const int64_t i : {begin + 17, begin + 40}) {
        if (has_v(rule.optimizer)) {
          EXPECT_TRUE(std::isnan(net.w[i])) << net.w[i];
        } else {
          EXPECT_EQ(net.w[i], -net.g[i]);
        }
      }
      EXPECT_TRUE(std::isnan(stats[0].abs_sum));
      EXPECT_TRUE(std::isnan(stats[0].grad_squares));
      net.each([&](int64_t i, const UpdateSegment&) {
        if (i != begin && i != begin + 17 && i != begin + 40) {
          EXPECT_TRUE(std::isfinite(net.w[i]));
        }
      });
    }
  });
}

TEST_F(L1Update, ExtremeValues) {
  Network net({{4, 0.1f}});
  const int64_t begin = net.segments[0].begin;
  const float gradients[] = {1e20f, 1e-42f, -1e-25f, 3e18f};
  for (int64_t i = 0; i < 4; ++i) net.w[begin + i] = 1.0f, net.g[begin + i] = gradients[i];
  const UpdateRule rule;
  const std::vector<SegmentStats> stats = net.update(rule, update_scalars(rule, 0.01f, 1));
  EXPECT_EQ(net.w[begin], 1.0f);  // v is infinite, as the contract says
  EXPECT_EQ(net.w[begin + 1], 0.0f);
  EXPECT_EQ(net.w[begin + 2], 0.0f);
  expect_close(net.w[begin + 3], 0.99, 2);
  expect_close(stats[0].grad_squares, 1.0009e40, 1);
}

TEST_F(L1Update, StatisticsAreThoseOfTheNewWeights) {
  for_each_rule([&](const UpdateRule& rule) {
    const bool briefly = kTestsCuda || rule.optimizer != OptimizerKind::adam;
    for (const int64_t n : briefly ? std::vector<int64_t>{31, 10007} : kSizes) {
      Network net({{n, 2.0f}, {0, 1.0f}, {3, 0.0f}});
      Network uncounted({{n, 2.0f}, {0, 1.0f}, {3, 0.0f}});
      const UpdateScalars scalars = update_scalars(rule, 0.05f, 1);
      const std::vector<SegmentStats> stats = net.update(rule, scalars);
      uncounted.run(rule, scalars, nullptr);
      EXPECT_EQ(net.state(), uncounted.state());
      for (size_t s = 0; s < net.segments.size(); ++s) {
        int64_t zeros = 0;
        long double abs_sum = 0, squares = 0;
        for (int64_t k = 0; k < net.segments[s].count; ++k) {
          const int64_t i = net.segments[s].begin + k;
          zeros += net.w[i] == 0.0f;
          abs_sum += std::abs(net.w[i]);
          squares += (long double)(net.g[i]) * net.g[i];
        }
        EXPECT_EQ(stats[s].zeros, zeros);
        EXPECT_NEAR(stats[s].abs_sum, double(abs_sum), 1e-13 * double(abs_sum));
        EXPECT_NEAR(stats[s].grad_squares, double(squares), 1e-13 * double(squares));
      }
      // Adadelta's first steps and its thresholds are tiny: a begins at zero.
      if (n > 1000 && makes_zeros(rule) && rule.optimizer != OptimizerKind::adadelta) {
        EXPECT_GT(stats[0].zeros, n / 8);
        EXPECT_LT(stats[0].zeros, n);
      }
    }
  });
}

// The step of a constant gradient is the learning rate from the first step on (Kingma & Ba,
// section 2.1): the corrections and the decays fit each other.
TEST_F(L1Update, AdamIsUnbiased) {
  Network net({{33, 0.0f}});
  net.each([&](int64_t i, const UpdateSegment&) { net.w[i] = 0.0f, net.g[i] = -0.3f; });
  const UpdateRule rule;
  for (int t = 1; t <= 50; ++t) net.update(rule, update_scalars(rule, 0.001f, t));
  net.each([&](int64_t i, const UpdateSegment&) { expect_close(net.w[i], 0.05, 50); });
}

TEST_F(L1Update, KeptZerosStayAndTheRestIsThePlainStep) {
  for (const OptimizerKind optimizer : kOptimizers) {
    constexpr int64_t n = 257;
    std::vector<float> start = random_values(n);
    for (int64_t i = 0; i < n; i += 3) start[static_cast<size_t>(i)] = 0.0f;
    const Buffer gradient(random_values(n, 1.0, 2));
    const UpdateRule rule{.optimizer = optimizer};
    const UpdateScalars scalars = update_scalars(rule, 0.1f, 1);
    Buffer free(start), kept(start);
    BufferOf<SegmentStats> stats(1);
    for (const bool keep : {false, true}) {
      const std::vector<float> none(n, 0.0f);
      Buffer m(none), v(none), a(none);
      const BufferOf<UpdateSegment> segment(std::vector{UpdateSegment{0, n, 0.0f, keep}});
      const BufferOf<UpdateScalars> scalar(std::vector{scalars});
      twin::l1_update((keep ? kept : free).data(), gradient.data(), m.data(), v.data(), a.data(),
                      segment.data(), 1, n, rule, scalar.data(), stats.data(), {});
    }
    EXPECT_EQ(stats[0].zeros, (n + 2) / 3);
    for (int64_t i = 0; i < n; ++i) {
      EXPECT_NE(free[i], 0.0f);
      EXPECT_EQ(kept[i], start[static_cast<size_t>(i)] == 0.0f ? 0.0f : free[i]);
    }
  }
}

}  // namespace
}  // namespace burin::test
