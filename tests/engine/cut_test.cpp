#include "engine/optim/cut.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/kernel_case.h"
#include "tests/support/optimizers.h"

namespace burin::test {
namespace {

// Two weights and a bias, off every vector width, after two steps of an optimiser.
struct Net {
  Net(OptimizerKind kind, uint32_t seed) {
    parameters.add("0.weight", {13, 11}, true);
    parameters.add("0.bias", {13}, false);
    parameters.add("1.weight", {3, 13}, true);
    parameters.allocate(Device::cpu);
    for (int i = 0; i < parameters.count(); ++i) {
      const int64_t n = parameters.value(i).elements();
      parameters.value(i).set(random_values(n, 1.0, seed + uint32_t(i)));
      parameters.gradient(i).set(random_values(n, 1.0, seed + 10 + uint32_t(i)));
    }
    UpdateRule rule;
    rule.optimizer = kind;
    optimizer = std::make_unique<Optimizer>(parameters, rule);
    for (int t = 1; t <= 2; ++t) optimizer->step(1e-4f, t);
  }
  CutNetwork cut() { return {&parameters, optimizer.get()}; }

  Parameters parameters;
  std::unique_ptr<Optimizer> optimizer;
};

// What a weight is worth: of its value and of the states as a checkpoint has them.
double importance(const Optimizer& optimizer, OptimizerKind kind, CutBy by, size_t element,
                  double w) {
  if (by == CutBy::magnitude) return std::abs(w);
  const auto state = [&](const char* name) {
    for (const Optimizer::State& each : optimizer.states()) {
      if (std::string(each.name) == name) return double{each.buffer->as<float>()[element]};
    }
    return -1.0;
  };
  const UpdateRule rule;
  const double v = state("v"), steps = state("steps"), largest = state("largest_v");
  if (steps >= 0) return w * w * std::sqrt((v + rule.epsilon) / (steps + rule.epsilon));
  if (largest >= 0) return w * w * (std::sqrt(largest) + rule.epsilon);
  if (kind == OptimizerKind::adamax) return w * w * (v + rule.epsilon);
  return w * w * (v >= 0 ? std::sqrt(v) + rule.epsilon : 1.0);
}

struct Seen {
  double largest_cut = 0, smallest_kept = 1e30;
  int64_t zeros = 0, weights = 0, large_ones_cut = 0;
};

// Of one network before and after; what is kept must be as it was.
void look(const Net& net, const std::vector<std::vector<float>>& before, OptimizerKind kind,
          CutBy by, Seen* seen) {
  for (int p = 0; p < net.parameters.count(); ++p) {
    const std::vector<float>& old = before[size_t(p)];
    const std::vector<float> now = net.parameters.value(p).to_host();
    if (!net.parameters.info(p).is_weight) {
      EXPECT_EQ(now, old);
      continue;
    }
    const auto offset = size_t(net.parameters.info(p).offset);
    for (size_t i = 0; i < old.size(); ++i) {
      const double worth = importance(*net.optimizer, kind, by, offset + i, double{old[i]});
      ++seen->weights;
      if (now[i] == 0.0f) {
        ++seen->zeros;
        seen->largest_cut = std::max(seen->largest_cut, worth);
        seen->large_ones_cut += std::abs(old[i]) > 0.7f;
      } else {
        EXPECT_EQ(now[i], old[i]);
        seen->smallest_kept = std::min(seen->smallest_kept, worth);
      }
    }
  }
}

std::vector<std::vector<float>> values_of(const Net& net) {
  std::vector<std::vector<float>> values;
  for (int p = 0; p < net.parameters.count(); ++p) {
    values.push_back(net.parameters.value(p).to_host());
  }
  return values;
}

TEST(Cut, TakesTheSmallestWeightsOfAllNetworksAndNoBias) {
  for (const OptimizerKind kind : kOptimizers) {
    for (const CutBy by : {CutBy::magnitude, CutBy::curvature}) {
      for (const size_t networks : {1u, 2u}) {
        SCOPED_TRACE(std::to_string(int(kind)) + ", " + std::to_string(int(by)) + ", " +
                     std::to_string(networks));
        Net first(kind, 1), second(kind, 31);
        // The second's weights are worth more: one border for both takes fewer of them.
        for (const int p : {0, 2}) {
          std::vector<float> values = second.parameters.value(p).to_host();
          for (float& w : values) w *= 2;
          second.parameters.value(p).set(values);
        }
        const auto before = values_of(first), before_second = values_of(second);
        const CutNetwork both[] = {first.cut(), second.cut()};
        cut_smallest({both, networks}, 0.4, by);
        Seen seen;
        look(first, before, kind, by, &seen);
        const int64_t of_first = seen.zeros;
        if (networks == 2) look(second, before_second, kind, by, &seen);
        if (networks == 1) {
          EXPECT_EQ(values_of(second), before_second);
        }
        // The diagonal is in single precision; the weights that it could mistake are few.
        EXPECT_LT(seen.largest_cut, seen.smallest_kept * (1 + 1e-6));
        EXPECT_EQ(double(seen.zeros), std::ceil(0.4 * double(seen.weights)));
        if (networks == 2) {
          EXPECT_GT(of_first, seen.zeros - of_first + 20);
        }
        // A constant diagonal sorts by magnitude, any other one otherwise.
        const bool has_diagonal = by == CutBy::curvature && kind != OptimizerKind::sgd &&
                                  kind != OptimizerKind::momentum &&
                                  kind != OptimizerKind::nesterov;
        if (networks == 1) {
          EXPECT_EQ(seen.large_ones_cut > 0, has_diagonal);
        }
      }
    }
  }
}

TEST(Cut, NothingOfNothing) {
  Net net(OptimizerKind::adam, 1);
  const auto before = values_of(net);
  const CutNetwork one = net.cut();
  cut_smallest({&one, 1}, 0, CutBy::curvature);
  cut_smallest({}, 0.5, CutBy::curvature);
  EXPECT_EQ(values_of(net), before);
}

}  // namespace
}  // namespace burin::test
