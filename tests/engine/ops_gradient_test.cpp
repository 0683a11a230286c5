// Every operation's gradient, by finite differences and by the oracle in double.
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include "engine/ops/ops.h"
#include "tests/oracle.h"
#include "tests/support/gradient_check.h"

namespace burin::test {
namespace {

constexpr float kSlope = 0.2f;
constexpr uint64_t kStep = 5;
constexpr RandomKey kKey{17, 3, &kStep};

using Variables = std::vector<Variable>;

Tensor constant_tensor(Tape& tape, const Shape& shape, const std::vector<float>& values) {
  const Tensor tensor = tape.temporary(shape);
  tensor.set(values);
  return tensor;
}

// Targets in (0, 1), another for each element.
float target_of(int64_t i) {
  return 0.1f + 0.8f * static_cast<float>(i * 37 % 101) / 101.0f;
}

// A loss of y of any shape whose gradient differs from element to element.
Variable uneven_loss(Tape& tape, Variable y) {
  std::vector<float> targets;
  for (int64_t i = 0; i < y.shape().elements(); ++i) targets.push_back(target_of(i));
  return ops::bce_logits(tape, y, constant_tensor(tape, y.shape(), targets), 0.5f);
}

double uneven_loss(const std::vector<double>& y) {
  double total = 0;
  for (size_t i = 0; i < y.size(); ++i) {
    total += 0.5 * oracle::bce_logits(y[i], double{target_of(int64_t(i))});
  }
  return total;
}

// y[rows, out] = activation(x w^T + b).
std::vector<double> dense(const std::vector<double>& x, const std::vector<double>& w,
                          const std::vector<double>& b, char activation) {
  const size_t out = b.size();
  const size_t in = w.size() / out;
  std::vector<double> y;
  for (size_t row = 0; row < x.size() / in; ++row) {
    for (size_t j = 0; j < out; ++j) {
      const double sum = oracle::gemm_sum(
                             int64_t(in), [&](int64_t p) { return x[row * in + size_t(p)]; },
                             [&](int64_t p) { return w[j * in + size_t(p)]; })
                             .value;
      y.push_back(oracle::gemm_activation(activation, sum + b[j], double{kSlope}));
    }
  }
  return y;
}

struct Named {
  Activation activation;
  char name;
};
constexpr Named kActivations[] = {{Activation::none, 'n'},
                                  {Activation::leaky_relu, 'l'},
                                  {Activation::sigmoid, 's'},
                                  {Activation::tanh, 't'}};

// x[5, 7], weight[3, 7], bias[3].
std::vector<GradientInput> dense_inputs() {
  return {random_input({5, 7}, 1.0, 1), random_input({3, 7}, 0.5, 2), random_input({3}, 0.5, 3)};
}

TEST(GradientCheck, SeesAWrongGradient) {
  // scale's gradient is alpha; a loss whose value is another function is told apart.
  int calls = 0;
  const TapeLoss changing = [&](Tape& tape, const Variables& v) {
    return ops::sum(tape, ops::scale(tape, v[0], calls++ == 0 ? 1.0f : 1.01f));
  };
  testing::TestPartResultArray failures;
  {
    testing::ScopedFakeTestPartResultReporter reporter(
        testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &failures);
    check_gradient_by_differences(changing, {random_input({3})});
  }
  EXPECT_GE(failures.size(), 3);
}

TEST(OpsGradient, DenseByDifferences) {
  for (const Named& a : kActivations) {
    SCOPED_TRACE(a.name);
    DifferenceOptions options;
    options.magnitude = 8;
    options.kinked = a.activation == Activation::leaky_relu;
    check_gradient_by_differences(
        [&](Tape& tape, const Variables& v) {
          return uneven_loss(tape, ops::dense(tape, v[0], v[1], v[2], {a.activation, kSlope, {}}));
        },
        dense_inputs(), options);
  }
}

TEST(OpsGradient, DenseByOracle) {
  for (const Named& a : kActivations) {
    SCOPED_TRACE(a.name);
    // Sums over 7 inputs forward, 3 outputs or 5 rows backward, and the activation.
    check_gradient_by_reference(
        [&](Tape& tape, const Variables& v) {
          return uneven_loss(tape, ops::dense(tape, v[0], v[1], v[2], {a.activation, kSlope, {}}));
        },
        [&](const std::vector<std::vector<double>>& v) {
          return uneven_loss(dense(v[0], v[1], v[2], a.name));
        },
        dense_inputs(), 24);
  }
}

// Two layers: the second writes the gradient of the first one's pre-activation (the fused path), or
// not, where something else reads the hidden layer too.
TEST(OpsGradient, TwoLayersByOracleFusedAndNot) {
  const std::vector<GradientInput> inputs = {
      random_input({5, 7}, 1.0, 1), random_input({6, 7}, 0.5, 2), random_input({6}, 0.5, 3),
      random_input({3, 6}, 0.5, 4), random_input({3}, 0.5, 5)};
  for (const Named& a : kActivations) {
    for (const bool fused : {true, false}) {
      SCOPED_TRACE(std::string(1, a.name) + (fused ? " fused" : " apart"));
      const TapeLoss loss = [&](Tape& tape, const Variables& v) {
        const Variable hidden = ops::dense(tape, v[0], v[1], v[2], {a.activation, kSlope, {}});
        const Variable y = ops::dense(tape, hidden, v[3], v[4], {Activation::tanh, 0, {}});
        if (!fused) ops::scale(tape, hidden, 3.0f);  // a second reader that the loss ignores
        EXPECT_EQ(hidden->uses, fused ? 1 : 2);
        return uneven_loss(tape, y);
      };
      check_gradient_by_reference(
          loss,
          [&](const std::vector<std::vector<double>>& v) {
            return uneven_loss(dense(dense(v[0], v[1], v[2], a.name), v[3], v[4], 't'));
          },
          inputs, 40);
    }
  }
}

// Dropout behind a layer writes the gradient of the layer's pre-activation (the fused path), or
// not, where something else reads the layer too: before dropout, or after it and with a gradient
// of its own.
TEST(OpsGradient, DropoutBehindALayerFusedAndNot) {
  enum class Reader { none, without_gradient, with_gradient };
  const std::vector<GradientInput> inputs = dense_inputs();
  const auto masked = [](std::vector<double> y) {
    for (size_t i = 0; i < y.size(); ++i) {
      y[i] = oracle::dropout(y[i], {kKey.seed, kKey.stream, kStep}, int64_t(i), double{0.4f});
    }
    return y;
  };
  for (const Named& a : kActivations) {
    for (const Reader other : {Reader::none, Reader::without_gradient, Reader::with_gradient}) {
      SCOPED_TRACE(std::string(1, a.name) + " " + std::to_string(int(other)));
      bool fused = false;
      const TapeLoss loss = [&](Tape& tape, const Variables& v) {
        const Variable hidden = ops::dense(tape, v[0], v[1], v[2], {a.activation, kSlope, {}});
        // Played after dropout's and before the layer's own.
        tape.record(hidden,
                    [&fused, hidden](Tape&) { fused = hidden->gradient_is_of_preactivation; });
        Variable y = ops::dropout(tape, hidden, 0.4f, kKey);
        if (other == Reader::without_gradient) ops::scale(tape, hidden, 3.0f);
        if (other == Reader::with_gradient) y = ops::add(tape, y, hidden);
        return uneven_loss(tape, y);
      };
      check_gradient_by_reference(
          loss,
          [&](const std::vector<std::vector<double>>& v) {
            const std::vector<double> x = dense(v[0], v[1], v[2], a.name);
            std::vector<double> y = masked(x);
            for (size_t i = 0; i < y.size() && other == Reader::with_gradient; ++i) y[i] += x[i];
            return uneven_loss(y);
          },
          inputs, 32);
      EXPECT_EQ(fused, other == Reader::none && a.activation != Activation::none);
    }
  }
}

// To the bit what the two kernels give one after the other.
TEST(OpsGradient, DropoutBehindALayerHasTheBitsOfTheUnfused) {
  for (const Named& a : kActivations) {
    const auto gradients = [&](bool fused) {
      return tape_gradients(
          [&](Tape& tape, const Variables& v) {
            const Variable hidden = ops::dense(tape, v[0], v[1], v[2], {a.activation, kSlope, {}});
            const Variable y = ops::dropout(tape, hidden, 0.4f, kKey);
            if (!fused) ops::scale(tape, hidden, 3.0f);  // a second reader that the loss ignores
            return uneven_loss(tape, y);
          },
          dense_inputs());
    };
    EXPECT_EQ(gradients(true).gradients, gradients(false).gradients) << a.name;
  }
}

TEST(OpsGradient, HiddenLayerReadTwice) {
  const std::vector<GradientInput> inputs = {
      random_input({5, 7}, 1.0, 1), random_input({6, 7}, 0.5, 2), random_input({6}, 0.5, 3),
      random_input({6, 6}, 0.5, 4), random_input({6}, 0.5, 5)};
  for (const Named& a : kActivations) {
    SCOPED_TRACE(a.name);
    check_gradient_by_reference(
        [&](Tape& tape, const Variables& v) {
          const Variable hidden = ops::dense(tape, v[0], v[1], v[2], {a.activation, kSlope, {}});
          const Variable y = ops::dense(tape, hidden, v[3], v[4], {a.activation, kSlope, {}});
          return uneven_loss(tape, ops::add(tape, y, hidden));
        },
        [&](const std::vector<std::vector<double>>& v) {
          const std::vector<double> hidden = dense(v[0], v[1], v[2], a.name);
          std::vector<double> y = dense(hidden, v[3], v[4], a.name);
          for (size_t i = 0; i < y.size(); ++i) y[i] += hidden[i];
          return uneven_loss(y);
        },
        inputs, 48);
  }
}

TEST(OpsGradient, Elementwise) {
  using Op = std::function<Variable(Tape&, Variable)>;
  const std::vector<std::pair<const char*, Op>> cases = {
      {"leaky_relu", [](Tape& t, Variable x) { return ops::leaky_relu(t, x, kSlope); }},
      {"sigmoid", [](Tape& t, Variable x) { return ops::sigmoid(t, x); }},
      {"tanh", [](Tape& t, Variable x) { return ops::tanh(t, x); }},
      {"dropout", [](Tape& t, Variable x) { return ops::dropout(t, x, 0.4f, kKey); }},
      {"scale", [](Tape& t, Variable x) { return ops::scale(t, x, -1.7f); }},
  };
  for (const auto& [name, op] : cases) {
    for (const Shape& shape : {Shape{7}, Shape{3, 5}, Shape{2, 2, 3}}) {
      SCOPED_TRACE(name + shape.to_string());
      DifferenceOptions options;
      options.magnitude = 10;
      options.kinked = std::string(name) == "leaky_relu";
      check_gradient_by_differences(
          [&](Tape& tape, const Variables& v) { return uneven_loss(tape, op(tape, v[0])); },
          {random_input(shape, 1.0, 11)}, options);
      // x read twice: the second gradient is added to the first, whichever comes first.
      options.curvature = 4;
      check_gradient_by_differences(
          [&](Tape& tape, const Variables& v) {
            return uneven_loss(tape, ops::add(tape, op(tape, v[0]), ops::scale(tape, v[0], 0.5f)));
          },
          {random_input(shape, 1.0, 11)}, options);
      check_gradient_by_differences(
          [&](Tape& tape, const Variables& v) {
            return uneven_loss(tape, ops::add(tape, op(tape, op(tape, v[0])), op(tape, v[0])));
          },
          {random_input(shape, 1.0, 11)}, options);
    }
  }
}

TEST(OpsGradient, AddOfTwoInputs) {
  DifferenceOptions options;
  options.magnitude = 16;
  check_gradient_by_differences(
      [](Tape& tape, const Variables& v) {
        return uneven_loss(tape, ops::add(tape, v[0], ops::scale(tape, v[1], 2.0f)));
      },
      {random_input({3, 5}, 1.0, 1), random_input({3, 5}, 1.0, 2)}, options);
}

TEST(OpsGradient, Reparameterize) {
  DifferenceOptions options;
  options.magnitude = 16;
  options.curvature = 4;
  check_gradient_by_differences(
      [](Tape& tape, const Variables& v) {
        return uneven_loss(tape, ops::reparameterize(tape, v[0], v[1], kKey));
      },
      {random_input({3, 5}, 1.0, 1), random_input({3, 5}, 0.7, 2)}, options);
}

// One of the two inputs has a gradient already when the kernel, which has one flag for both, runs.
TEST(OpsGradient, ReparameterizeAddsToWhatIsThere) {
  const std::vector<GradientInput> inputs = {random_input({2, 5}, 1.0, 1),
                                             random_input({2, 5}, 0.7, 2)};
  for (const size_t earlier : {size_t{0}, size_t{1}}) {
    for (const bool both : {false, true}) {
      check_gradient_by_reference(
          [&](Tape& tape, const Variables& v) {
            const Variable z = ops::reparameterize(tape, v[0], v[1], kKey);
            // Recorded later, played earlier.
            Variable more = uneven_loss(tape, v[earlier]);
            if (both) more = ops::add(tape, more, uneven_loss(tape, v[1 - earlier]));
            return ops::add(tape, uneven_loss(tape, z), more);
          },
          [&](const std::vector<std::vector<double>>& v) {
            std::vector<double> z;
            for (size_t i = 0; i < v[0].size(); ++i) {
              const double noise =
                  oracle::normal({kKey.seed, kKey.stream, kStep}, int64_t(i)).value;
              z.push_back(oracle::reparameterize(v[0][i], v[1][i], noise));
            }
            double total = uneven_loss(z) + uneven_loss(v[earlier]);
            if (both) total += uneven_loss(v[1 - earlier]);
            return total;
          },
          inputs, 16);
    }
  }
}

TEST(OpsGradient, Losses) {
  DifferenceOptions options;
  options.magnitude = 16;
  options.curvature = 2;
  const std::vector<GradientInput> two = {random_input({3, 5}, 1.0, 1),
                                          random_input({3, 5}, 0.7, 2)};
  check_gradient_by_differences(
      [](Tape& t, const Variables& v) { return ops::gaussian_kl(t, v[0], v[1], 0.3f); }, two,
      options);
  check_gradient_by_differences([](Tape& t, const Variables& v) { return uneven_loss(t, v[0]); },
                                {two[0]}, options);
  check_gradient_by_differences([](Tape& t, const Variables& v) { return ops::sum(t, v[0]); },
                                {two[0]}, options);
  check_gradient_by_differences(
      [](Tape& t, const Variables& v) { return ops::scale(t, ops::mean(t, v[0]), 15.0f); },
      {two[0]}, options);
  const int32_t labels[] = {4, 0, 2};
  check_gradient_by_differences(
      [&](Tape& t, const Variables& v) {
        return ops::softmax_cross_entropy(t, v[0], labels, 0.4f);
      },
      {two[0]}, options);
  options.kinked = true;
  check_gradient_by_differences(
      [](Tape& t, const Variables& v) { return ops::l1_activity(t, v[0], 0.7f); }, {two[0]},
      options);
}

// Scalars: sums of scaled losses, one of them used twice, and losses of the same variable.
TEST(OpsGradient, MixedLosses) {
  const std::vector<GradientInput> inputs = {random_input({3, 5}, 1.0, 1),
                                             random_input({3, 5}, 0.7, 2)};
  check_gradient_by_reference(
      [](Tape& t, const Variables& v) {
        const Variable kl = ops::gaussian_kl(t, v[0], v[1], 0.3f);
        const Variable l1 = ops::l1_activity(t, v[0], 0.25f);
        const Variable both = ops::add(t, ops::scale(t, kl, 2.0f), l1);
        const Variable more = ops::add(t, both, ops::scale(t, both, -0.5f));
        return ops::add(t, more, ops::add(t, uneven_loss(t, v[1]), ops::mean(t, v[0])));
      },
      [](const std::vector<std::vector<double>>& v) {
        double kl = 0, l1 = 0, mean = 0;
        for (size_t i = 0; i < v[0].size(); ++i) {
          kl += 0.3 * oracle::gaussian_kl(v[0][i], v[1][i]);
          l1 += 0.25 * std::abs(v[0][i]);
          mean += v[0][i] / double(v[0].size());
        }
        return 0.5 * (2.0 * kl + l1) + uneven_loss(v[1]) + mean;
      },
      inputs, 24);
}

TEST(OpsGradient, L1ActivityAtZeroIsZero) {
  const std::vector<GradientInput> inputs = {{Shape{4}, {0.0f, -0.0f, 2.0f, -3.0f}}};
  const GradientResult result = tape_gradients(
      [](Tape& t, const Variables& v) { return ops::l1_activity(t, v[0], 0.5f); }, inputs);
  EXPECT_EQ(result.gradients[0], (std::vector<float>{0.0f, 0.0f, 0.5f, -0.5f}));
  EXPECT_EQ(result.loss, 2.5f);
}

}  // namespace
}  // namespace burin::test
