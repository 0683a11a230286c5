// Operations that stand for several: the gradients of those, to the bit where the arithmetic is the
// same. And what lets one forward pass serve two losses.
#include <gtest/gtest.h>

#include "engine/nn/linear.h"
#include "engine/ops/ops.h"
#include "tests/support/gradient_check.h"
#include "tests/support/leaf.h"

namespace burin::test {
namespace {

constexpr uint64_t kStep = 5;
constexpr RandomKey kKey{17, 3, &kStep};

Tensor targets(Tape& tape, const Shape& shape) {
  const Tensor t = tape.temporary(shape);
  std::vector<float> values;
  for (int64_t i = 0; i < shape.elements(); ++i) values.push_back(float(i * 37 % 101) / 101.0f);
  t.set(values);
  return t;
}

TEST(FusedOps, LogisticLossIsADenseLayerAndItsLoss) {
  for (const float l1 : {0.0f, 0.25f}) {
    for (const Activation activation : {Activation::none, Activation::leaky_relu}) {
      float losses[2];
      std::vector<std::vector<float>> gradients[2];
      for (const bool fused : {false, true}) {
        Leaf x({9, 13}, 1), w1({21, 13}, 2, 0.3), b1({21}, 3), w2({1, 21}, 4, 0.3), b2({1}, 5);
        Tape tape(Device::cpu);
        const Variable hidden =
            ops::dense(tape, x.on(tape), w1.on(tape), b1.on(tape), {activation, 0.2f, {}, {}});
        const Tensor t = targets(tape, {9, 1});
        if (fused) {
          const Variable loss =
              ops::logistic_loss(tape, hidden, w2.on(tape), b2.on(tape), t, 0.5f, l1);
          losses[1] = loss.value().item();
          tape.backward(loss);
        } else {
          const Variable logits = ops::dense(tape, hidden, w2.on(tape), b2.on(tape));
          const Variable loss = ops::bce_logits(tape, logits, t, 0.5f);
          losses[0] = loss.value().item();
          if (l1 == 0.0f) tape.backward(loss);
          if (l1 != 0.0f) tape.backward({loss, ops::l1_activity(tape, logits, l1)});
        }
        for (const Leaf* leaf : {&x, &w1, &b1, &w2, &b2})
          gradients[fused].push_back(leaf->gradient);
      }
      EXPECT_EQ(losses[1], losses[0]);
      EXPECT_EQ(gradients[1], gradients[0]);
    }
  }
}

// Zeros and ones walked by their ones, on the CPU: the bits of the dense layer, with weights that
// are used once and twice.
TEST(FusedOps, BinaryInputIsAConstant) {
  for (const int64_t ones_in : {7, 2}) {  // one in seven; one in two is left to the dense product
    for (const int64_t batch : {9, 1}) {
      for (const bool twice : {false, true}) {
        std::vector<std::vector<float>> gradients[2];
        float losses[2];
        for (const bool binary : {false, true}) {
          Leaf w({21, 37}, 1), b({21}, 2);
          Tape tape(Device::cpu);
          const Tensor x = tape.temporary({batch, 37});
          std::vector<float> values;
          for (int64_t i = 0; i < batch * 37; ++i) values.push_back(i % ones_in == 0 ? 1.0f : 0.0f);
          x.set(values);
          const Variable input = binary ? ops::binary_input(tape, x) : tape.constant(x);
          if (binary) {
            EXPECT_EQ(input->ones != nullptr, ones_in == 7);
          }
          const auto layer = [&] {
            return ops::dense(tape, input, w.on(tape), b.on(tape),
                              {Activation::tanh, 0.2f, {}, {}});
          };
          Variable y = layer();
          if (twice) y = ops::add(tape, y, layer());
          const Variable loss = ops::l1_activity(tape, y, 0.25f);
          losses[binary] = loss.value().item();
          tape.backward(loss);
          for (const Leaf* leaf : {&w, &b}) gradients[binary].push_back(leaf->gradient);
        }
        EXPECT_EQ(losses[1], losses[0]);
        EXPECT_EQ(gradients[1], gradients[0]);
      }
    }
  }
}

// As part of a larger loss, its gradients are scaled with it.
TEST(FusedOps, LogisticLossCanBeScaled) {
  std::vector<float> d_x[2], d_w[2];
  for (const bool scaled : {false, true}) {
    Leaf x({5, 7}, 1), w({1, 7}, 2), b({1}, 3);
    Tape tape(Device::cpu);
    Variable loss = ops::logistic_loss(tape, x.on(tape), w.on(tape), b.on(tape),
                                       targets(tape, {5, 1}), scaled ? 0.25f : 1.0f, 0.0f);
    if (scaled) loss = ops::scale(tape, loss, 4.0f);
    tape.backward(loss);
    d_x[scaled] = x.gradient;
    d_w[scaled] = w.gradient;
  }
  EXPECT_EQ(d_x[0], d_x[1]);
  EXPECT_EQ(d_w[0], d_w[1]);
}

TEST(FusedOps, LogisticLossRefusesOtherShapes) {
  Leaf x({5, 7}, 1), w({2, 7}, 2), b({2}, 3);
  Tape tape(Device::cpu);
  EXPECT_THROW(ops::logistic_loss(tape, x.on(tape), w.on(tape), b.on(tape), targets(tape, {5, 1}),
                                  1.0f, 0.0f),
               std::invalid_argument);
}

TEST(FusedOps, GaussianLatentByDifferences) {
  const GradientInput heads{{6, 10}, random_values(60, 0.7)};
  check_gradient_by_differences(
      [](Tape& tape, const std::vector<Variable>& x) {
        const auto [z, kl] = ops::gaussian_latent(tape, x[0], 0.5f, 0.0f, kKey);
        return ops::add(tape, ops::bce_logits(tape, z, targets(tape, z.shape()), 0.5f), kl);
      },
      {heads}, {.magnitude = 30, .curvature = 2});
}

// L1 on the means is in the gradient alone: lambda sign(mean), and nothing else changes.
TEST(FusedOps, GaussianLatentPenalisesTheMeans) {
  std::vector<float> without, with;
  std::vector<float> values;
  for (const float l1 : {0.0f, 0.125f}) {
    Leaf heads({4, 6}, 1);
    Tape tape(Device::cpu);
    const auto [z, kl] = ops::gaussian_latent(tape, heads.on(tape), 1.0f, l1, kKey);
    values.push_back(kl.value().item());
    tape.backward({kl, ops::sum(tape, z)});
    (l1 == 0.0f ? without : with) = heads.gradient;
  }
  EXPECT_EQ(values[0], values[1]);
  const Leaf same({4, 6}, 1);
  for (size_t i = 0; i < with.size(); ++i) {
    const double sign = i % 6 < 3 ? (same.value[i] > 0 ? 1.0 : -1.0) : 0.0;
    EXPECT_NEAR(double{with[i]} - double{without[i]}, 0.125 * sign, 4e-7) << i;
  }
}

// A network over all rows whose middle rows are trained gives those rows' gradients, to the bit;
// what another loss does with the other rows is its own business.
TEST(FusedOps, TrainedRowsAreTrainedAlone) {
  constexpr int64_t kRows = 8, kFirst = 3, kCount = 4;
  std::vector<std::vector<float>> gradients[2];
  for (const bool whole : {false, true}) {
    Leaf w1({11, 5}, 2, 0.3), b1({11}, 3), w2({3, 11}, 4, 0.3), b2({3}, 5);
    Leaf d_w({2, 3}, 6), d_b({2}, 7);  // of what reads all rows
    const std::vector<float> x = random_values(kRows * 5);
    Tape tape(Device::cpu);
    const Tensor all = tape.temporary({kRows, 5});
    all.set(x);
    ops::DenseOptions hidden{Activation::leaky_relu, 0.2f, {}, {}};
    ops::DenseOptions last{Activation::tanh, 0.2f, {}, {}};
    if (whole) hidden.trained_rows = last.trained_rows = {kFirst, kCount};
    const Tensor input = whole ? all : all.row_range(kFirst, kCount);
    const Variable h = ops::dense(tape, tape.constant(input), w1.on(tape), b1.on(tape), hidden);
    const Variable y = ops::dense(tape, h, w2.on(tape), b2.on(tape), last);
    if (whole) {
      const Variable other = ops::dense(tape, tape.constant(y.value()), d_w.on(tape), d_b.on(tape));
      tape.backward_part({ops::sum(tape, other)});
      EXPECT_TRUE(std::isnan(w1.gradient[0])) << "the first loss reached too far";
      EXPECT_FALSE(std::isnan(d_w.gradient[0]));
    }
    const std::vector<float> of_the_first = d_w.gradient;
    const Variable seen = whole ? ops::rows(tape, y) : y;
    EXPECT_EQ(seen.shape(), (Shape{kCount, 3}));
    tape.backward(ops::bce_logits(tape, seen, targets(tape, seen.shape()), 1.0f));
    if (whole) {
      EXPECT_EQ(d_w.gradient, of_the_first) << "touched by the second loss";
    }
    for (const Leaf* leaf : {&w1, &b1, &w2, &b2}) gradients[whole].push_back(leaf->gradient);
  }
  EXPECT_EQ(gradients[0], gradients[1]);
}

TEST(FusedOps, TrainedRowsMustAgree) {
  Leaf x({8, 5}, 1), w({3, 5}, 2), b({3}, 3);
  Tape tape(Device::cpu);
  ops::DenseOptions some;
  some.trained_rows = {2, 4};
  EXPECT_THROW(ops::dense(tape, x.on(tape), w.on(tape), b.on(tape), some), std::invalid_argument);
  some.trained_rows = {6, 4};
  EXPECT_THROW(ops::dense(tape, x.frozen_on(tape), w.on(tape), b.on(tape), some),
               std::invalid_argument);
}

// Two layers under names of their own, computed as one: side by side, with the bits of two layers.
TEST(FusedOps, JoinedLayersAreTheLayersSideBySide) {
  constexpr int64_t kIn = 7, kOut = 5, kBatch = 6;
  Parameters joined, apart;
  joined.add("before", {3}, false);
  const Linear both(joined, std::vector<std::string>{"a", "b"}, kIn, kOut, Activation::none, 0.0f);
  const Linear a(apart, "a", kIn, kOut, Activation::none, 0.0f);
  const Linear b(apart, "b", kIn, kOut, Activation::none, 0.0f);
  joined.allocate(Device::cpu);
  apart.allocate(Device::cpu);
  both.initialize(joined, Initialization::he, 1, 256);
  a.initialize(apart, Initialization::he, 1, 256);
  b.initialize(apart, Initialization::he, 1, 257);
  for (const ParameterInfo& info : joined.infos()) {
    if (info.name == "before") continue;
    for (int i = 0; i < apart.count(); ++i) {
      if (apart.info(i).name != info.name) continue;
      const int index = static_cast<int>(&info - joined.infos().data());
      EXPECT_EQ(joined.value(index).to_host(), apart.value(i).to_host()) << info.name;
    }
  }
  EXPECT_EQ(joined.count(), 5);
  Tape tape(Device::cpu);
  const Tensor x = tape.temporary({kBatch, kIn});
  x.set(random_values(kBatch * kIn));
  const std::vector<float> y = both.forward(tape, joined, tape.constant(x), true).value().to_host();
  const std::vector<float> y_a = a.forward(tape, apart, tape.constant(x), true).value().to_host();
  const std::vector<float> y_b = b.forward(tape, apart, tape.constant(x), true).value().to_host();
  ASSERT_EQ(y.size(), size_t(kBatch * 2 * kOut));
  for (size_t i = 0; i < y.size(); ++i) {
    const size_t row = i / (2 * kOut), column = i % (2 * kOut);
    EXPECT_EQ(y[i], column < kOut ? y_a[row * kOut + column] : y_b[row * kOut + column - kOut]);
  }
}

}  // namespace
}  // namespace burin::test
