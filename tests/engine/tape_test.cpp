#include "engine/autograd/tape.h"

#include <gtest/gtest.h>

#include "engine/nn/mlp.h"
#include "engine/ops/ops.h"
#include "tests/support/gradient_check.h"
#include "tests/support/leaf.h"

namespace burin::test {
namespace {

Variable to_loss(Tape& tape, Variable y) {
  const Tensor target = tape.temporary(y.shape());
  target.set(std::vector<float>(size_t(y.shape().elements()), 0.25f));
  return ops::bce_logits(tape, y, target, 1.0f);
}

bool all_nan(const std::vector<float>& values) {
  return std::all_of(values.begin(), values.end(), [](float v) { return std::isnan(v); });
}

TEST(Tape, UsedTwiceTheGradientsAdd) {
  Leaf x({3, 4}, 1);
  Tape tape(Device::cpu);
  const Variable v = x.on(tape);
  tape.backward(ops::add(tape, ops::sum(tape, ops::add(tape, v, v)), ops::sum(tape, v)));
  EXPECT_EQ(x.gradient, std::vector<float>(12, 3.0f));
}

// A layer that is applied twice.
TEST(Tape, SharedWeightsAddTheirGradients) {
  Leaf x({4, 3}, 1), w({3, 3}, 2), b({3}, 3);
  const auto loss = [&](Tape& tape, bool shared) {
    const Variable w1 = w.on(tape), b1 = b.on(tape);
    const Variable h = ops::dense(tape, x.frozen_on(tape), w1, b1, {Activation::tanh, 0.2f, {}});
    const Variable w2 = shared ? w.on(tape) : w1;
    return to_loss(tape, ops::dense(tape, h, w2, shared ? b.on(tape) : b1));
  };
  Tape one(Device::cpu), two(Device::cpu);
  one.backward(loss(one, false));
  const std::vector<float> expected = w.gradient;
  w.gradient.assign(9, kNan);
  two.backward(loss(two, true));
  EXPECT_EQ(w.gradient, expected);
}

TEST(Tape, WhatTheLossDoesNotReachGetsZeros) {
  Leaf used({4}, 1), unused({5}, 2), dead_end({6}, 3);
  Tape tape(Device::cpu);
  const Variable v = used.on(tape);
  unused.on(tape);
  ops::sigmoid(tape, dead_end.on(tape));
  ops::sum(tape, v);  // a second loss that is not asked for
  tape.backward(ops::sum(tape, v));
  EXPECT_EQ(used.gradient, std::vector<float>(4, 1.0f));
  EXPECT_EQ(unused.gradient, std::vector<float>(5, 0.0f));
  EXPECT_EQ(dead_end.gradient, std::vector<float>(6, 0.0f));
}

TEST(Tape, LossWithoutParameters) {
  Leaf x({4}, 1);
  Tape tape(Device::cpu);
  const Variable loss = ops::sum(tape, x.frozen_on(tape));
  EXPECT_FALSE(loss->needs_gradient);
  tape.backward(loss);
  EXPECT_TRUE(all_nan(x.gradient));
}

// As in the generator's turn: gradients flow through a network whose own parameters get none.
TEST(Tape, FrozenParametersGetNoGradient) {
  Leaf x({5, 7}, 1), w1({6, 7}, 2, 0.5), b1({6}, 3), w2({2, 6}, 4, 0.5), b2({2}, 5);
  std::vector<float> through[2];
  for (const bool frozen : {false, true}) {
    for (Leaf* leaf : {&x, &w1, &b1, &w2, &b2}) leaf->gradient.assign(leaf->gradient.size(), kNan);
    Tape tape(Device::cpu);
    const auto put = [&](Leaf& leaf) { return frozen ? leaf.frozen_on(tape) : leaf.on(tape); };
    const Variable input = x.on(tape);
    const Variable hidden =
        ops::dense(tape, input, put(w1), put(b1), {Activation::leaky_relu, 0.2f, {}});
    tape.backward(to_loss(tape, ops::dense(tape, hidden, put(w2), put(b2))));
    through[frozen] = x.gradient;
    for (const Leaf* leaf : {&w1, &b1, &w2, &b2}) EXPECT_EQ(all_nan(leaf->gradient), frozen);
  }
  EXPECT_EQ(through[0], through[1]);
}

// As in the discriminator's turn: nothing is computed below what is trained.
TEST(Tape, NothingFlowsIntoConstants) {
  Leaf x({5, 7}, 1), w({2, 7}, 2), b({2}, 3);
  Tape tape(Device::cpu);
  const Variable input = x.frozen_on(tape);
  tape.backward(to_loss(tape, ops::dense(tape, input, w.on(tape), b.frozen_on(tape))));
  EXPECT_TRUE(input->gradient.empty());
  EXPECT_FALSE(all_nan(w.gradient));
  EXPECT_TRUE(all_nan(b.gradient));
}

// The fused path against the path apart, bit for bit where the arithmetic is the same.
TEST(Tape, FusedDerivativeIsTheSeparateOne) {
  for (const Activation activation :
       {Activation::none, Activation::leaky_relu, Activation::sigmoid, Activation::tanh}) {
    std::vector<float> d_w[2];
    for (const bool fused : {false, true}) {
      Leaf x({33, 17}, 1), w1({40, 17}, 2, 0.3), b1({40}, 3), w2({3, 40}, 4, 0.5), b2({3}, 5);
      Tape tape(Device::cpu);
      const Variable hidden =
          ops::dense(tape, x.on(tape), w1.on(tape), b1.on(tape), {activation, 0.2f, {}});
      const Variable y = ops::dense(tape, hidden, w2.on(tape), b2.on(tape));
      if (!fused) ops::sum(tape, hidden);
      EXPECT_EQ(hidden->uses, fused ? 1 : 2);
      tape.backward(to_loss(tape, y));
      EXPECT_EQ(hidden->gradient_is_of_preactivation, fused && activation != Activation::none);
      d_w[fused] = w1.gradient;
    }
    float largest = 0;
    for (const float g : d_w[0]) largest = std::max(largest, std::abs(g));
    EXPECT_GT(largest, 0.01f);
    // Two factors in another order: two roundings in each of the 33 terms.
    for (size_t i = 0; i < d_w[0].size(); ++i) {
      expect_close(double{d_w[1][i]}, double{d_w[0][i]}, 4, double{largest}, "d_w");
    }
  }
}

TEST(Tape, TheSameAddressesEveryStepFromTheSecondOn) {
  Parameters parameters;
  const Mlp mlp(parameters, {{17, 300, 200, 5}, Activation::leaky_relu, Activation::tanh, 0.2f});
  parameters.allocate(Device::cpu);
  Leaf x({700, 17}, 1);  // several arena blocks
  Tape tape(Device::cpu);
  std::vector<std::vector<const void*>> steps;
  size_t peak = 0;
  for (int step = 0; step < 4; ++step) {
    tape.reset();
    const Variable input = x.on(tape);
    const Variable y = mlp.forward(tape, parameters, input, true, {0.5f, {1, 512, nullptr}});
    const Variable loss = to_loss(tape, y);
    tape.backward(loss);
    steps.push_back({&*input, &*y, &*loss, y.value().data(), y->gradient.data(),
                     loss.value().data(), tape.temporary({1}).data()});
    if (step == 0) peak = tape.peak_bytes();
  }
  EXPECT_EQ(steps[1], steps[2]);
  EXPECT_EQ(steps[1], steps[3]);
  EXPECT_EQ(tape.peak_bytes(), peak);
  EXPECT_GE(peak, sizeof(float) * 700 * (300 + 200 + 5) * 2);  // values and gradients
}

TEST(Tape, ResetForgetsParametersAndEntries) {
  Leaf first({4}, 1), second({4}, 2);
  Tape tape(Device::cpu);
  ops::sum(tape, first.on(tape));
  tape.reset();
  tape.backward(ops::sum(tape, second.on(tape)));
  EXPECT_TRUE(all_nan(first.gradient));
  EXPECT_EQ(second.gradient, std::vector<float>(4, 1.0f));
}

}  // namespace
}  // namespace burin::test
