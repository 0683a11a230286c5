// Every operation's value against the oracle, and its refusal of shapes that do not fit.
#include <gtest/gtest.h>

#include "engine/ops/ops.h"
#include "tests/oracle.h"
#include "tests/support/kernel_case.h"

namespace burin::test::ops_value {
namespace {

constexpr float kSlope = 0.2f;
constexpr uint64_t kStep = 9;
constexpr RandomKey kKey{(uint64_t{5} << 32) + 17, 6, &kStep};
constexpr oracle::Draw kDraw{(uint64_t{5} << 32) + 17, 6, 9};

class OpsValue : public testing::Test {
 protected:
  Variable variable(const Shape& shape, const std::vector<float>& values) {
    const Tensor tensor = tape_.temporary(shape);
    tensor.set(values);
    return tape_.constant(tensor);
  }
  Variable random(const Shape& shape, double deviation = 1.0, uint32_t seed = 1) {
    return variable(shape, random_values(shape.elements(), deviation, seed));
  }
  static std::vector<float> values(Variable variable) { return variable.value().to_host(); }

  Tape tape_{Device::cpu};
};

TEST_F(OpsValue, Dense) {
  constexpr int64_t kBatch = 5, kIn = 33, kOut = 7;
  const Variable x = random({kBatch, kIn}, 1.0, 1);
  const Variable weight = random({kOut, kIn}, 0.2, 2);
  const Variable bias = random({kOut}, 0.5, 3);
  const std::vector<float> xs = values(x), ws = values(weight), bs = values(bias);
  const std::pair<Activation, char> activations[] = {{Activation::none, 'n'},
                                                     {Activation::leaky_relu, 'l'},
                                                     {Activation::sigmoid, 's'},
                                                     {Activation::tanh, 't'}};
  for (const auto& [activation, name] : activations) {
    std::vector<float> storage(kBatch * kOut, NAN);
    const Tensor out(storage.data(), {kBatch, kOut}, Device::cpu);
    const Variable y = ops::dense(tape_, x, weight, bias, {activation, kSlope, {}});
    const Variable given = ops::dense(tape_, x, weight, bias, {activation, kSlope, out});
    EXPECT_EQ(given.value().data(), storage.data());
    EXPECT_EQ(values(y), storage);
    ASSERT_EQ(y.shape(), (Shape{kBatch, kOut}));
    for (int64_t i = 0; i < kBatch * kOut; ++i) {
      const int64_t row = i / kOut, column = i % kOut;
      const oracle::GemmSum sum = oracle::gemm_sum(
          kIn, [&](int64_t p) { return double{xs[size_t(row * kIn + p)]}; },
          [&](int64_t p) { return double{ws[size_t(column * kIn + p)]}; });
      const double b = double{bs[size_t(column)]};
      // The sum's error, then the activation's, whose slope is at most 1.
      expect_close(values(y)[size_t(i)],
                   oracle::gemm_activation(name, sum.value + b, double{kSlope}), double(kIn) + 4,
                   sum.magnitude + std::abs(b) + 1.0, "dense");
    }
  }
}

TEST_F(OpsValue, Elementwise) {
  for (const Shape& shape : {Shape{1}, Shape{257}, Shape{3, 31}, Shape{2, 3, 4, 5}}) {
    const Variable x = random(shape, 2.0, 1);
    const Variable other = random(shape, 2.0, 2);
    const std::vector<float> xs = values(x), os = values(other);
    const std::vector<float> leaky = values(ops::leaky_relu(tape_, x, kSlope));
    const std::vector<float> sigmoid = values(ops::sigmoid(tape_, x));
    const std::vector<float> tanh = values(ops::tanh(tape_, x));
    const std::vector<float> dropped = values(ops::dropout(tape_, x, 0.3f, kKey));
    const std::vector<float> z = values(ops::reparameterize(tape_, x, other, kKey));
    const std::vector<float> scaled = values(ops::scale(tape_, x, -1.3f));
    const std::vector<float> added = values(ops::add(tape_, x, other));
    ASSERT_EQ(ops::sigmoid(tape_, x).shape(), shape);
    for (size_t i = 0; i < xs.size(); ++i) {
      const double v = double{xs[i]};
      const int64_t n = int64_t(i);
      expect_close(leaky[i], oracle::leaky_relu(v, double{kSlope}), 1, 0, "leaky_relu");
      expect_close(sigmoid[i], oracle::sigmoid(v), 4, 0, "sigmoid");
      expect_close(tanh[i], oracle::tanh(v), 4, 0, "tanh");
      expect_close(dropped[i], oracle::dropout(v, kDraw, n, double{0.3f}), 2, 0, "dropout");
      const oracle::Normal noise = oracle::normal(kDraw, n);
      const double deviation = std::exp(0.5 * double{os[i]});
      expect_close(z[i], oracle::reparameterize(v, double{os[i]}, noise.value), 8,
                   std::abs(v) + deviation * noise.radius, "reparameterize");
      expect_close(scaled[i], double{-1.3f} * v, 1, 0, "scale");
      expect_close(added[i], v + double{os[i]}, 1, 0, "add");
    }
  }
}

TEST_F(OpsValue, Losses) {
  const Shape shape{6, 43};
  const Variable x = random(shape, 2.0, 1);
  const Variable other = random(shape, 1.0, 2);
  const std::vector<float> xs = values(x), os = values(other);
  std::vector<float> targets;
  for (size_t i = 0; i < xs.size(); ++i) targets.push_back(float(i % 11) / 10.0f);
  const Tensor target = variable(shape, targets).value();
  const int32_t labels[] = {0, 42, 7, 7, 13, 1};
  double bce = 0, kl = 0, l1 = 0, sum = 0, softmax = 0;
  for (size_t i = 0; i < xs.size(); ++i) {
    bce += oracle::bce_logits(double{xs[i]}, double{targets[i]});
    kl += oracle::gaussian_kl(double{xs[i]}, double{os[i]});
    l1 += std::abs(double{xs[i]});
    sum += double{xs[i]};
  }
  for (size_t row = 0; row < 6; ++row) {
    softmax += oracle::softmax_cross_entropy(
        {xs.begin() + long(row * 43), xs.begin() + long(row * 43 + 43)}, labels[row]);
  }
  const auto check = [&](Variable loss, double expected, double magnitude, const char* what) {
    EXPECT_EQ(loss.shape(), Shape());
    expect_close(double{loss.value().item()}, expected, 8, magnitude, what);
  };
  check(ops::bce_logits(tape_, x, target, 0.5f), 0.5 * bce, 0, "bce_logits");
  check(ops::bce_logits(tape_, x, target, -0.5f), -0.5 * bce, 0, "bce_logits, negative scale");
  check(ops::gaussian_kl(tape_, x, other, 0.25f), 0.25 * kl, 0, "gaussian_kl");
  check(ops::l1_activity(tape_, x, 3.0f), 3.0 * l1, 0, "l1_activity");
  check(ops::softmax_cross_entropy(tape_, x, labels, 2.0f), 2.0 * softmax, 0, "softmax");
  const Variable total = ops::sum(tape_, x);
  const Variable mean = ops::mean(tape_, x);
  check(total, sum, l1, "sum");
  check(mean, sum / double(xs.size()), l1 / double(xs.size()), "mean");
  check(ops::scale(tape_, total, -2.0f), -2.0 * sum, 2 * l1, "scale of a scalar");
  check(ops::add(tape_, total, mean), sum + sum / double(xs.size()), l1, "add of scalars");
}

// The message of the std::invalid_argument that f() must throw has all `parts`.
template <class F>
void expect_refusal(F f, std::initializer_list<std::string> parts) {
  try {
    f();
  } catch (const std::invalid_argument& fault) {
    for (const std::string& part : parts) {
      EXPECT_NE(std::string(fault.what()).find(part), std::string::npos)
          << "no \"" << part << "\" in: " << fault.what();
    }
    return;
  }
  ADD_FAILURE() << "not refused: " << *parts.begin();
}

TEST_F(OpsValue, ShapesThatDoNotFit) {
  const Variable x = random({5, 7}), transposed = random({7, 5}), flat = random({35});
  const Variable scalar = ops::sum(tape_, x);
  const auto dense = [&](Variable a, Variable w, Variable b, Tensor out = {}) {
    return [&, a, w, b, out] { ops::dense(tape_, a, w, b, {Activation::none, kSlope, out}); };
  };
  expect_refusal(dense(x, random({3, 6}), random({3})), {"dense", "[5, 7]", "[3, 6]", "[3]"});
  expect_refusal(dense(x, random({3, 7}), random({7})), {"dense", "[3, 7]", "[7]"});
  expect_refusal(dense(flat, random({3, 7}), random({3})), {"dense", "[35]", "[3, 7]"});
  expect_refusal(dense(x, random({3, 7}), random({1, 3})), {"dense", "[1, 3]"});
  expect_refusal(dense(x, random({3, 7}), random({3}), transposed.value()), {"[7, 5]", "[5, 3]"});
  expect_refusal([&] { ops::add(tape_, x, transposed); }, {"add", "[5, 7]", "[7, 5]"});
  expect_refusal([&] { ops::add(tape_, x, scalar); }, {"add", "[5, 7]", "[]"});
  expect_refusal([&] { ops::bce_logits(tape_, x, flat.value(), 1); },
                 {"bce_logits", "[5, 7]", "[35]"});
  expect_refusal([&] { ops::gaussian_kl(tape_, x, flat, 1); }, {"gaussian_kl", "[5, 7]", "[35]"});
  expect_refusal([&] { ops::reparameterize(tape_, x, flat, kKey); },
                 {"reparameterize", "[5, 7]", "[35]"});
  expect_refusal([&] { ops::softmax_cross_entropy(tape_, flat, nullptr, 1); },
                 {"softmax_cross_entropy", "[35]"});
  expect_refusal([&] { tape_.parameter(x.value(), flat.value()); },
                 {"parameter", "[5, 7]", "[35]"});
  expect_refusal([&] { tape_.backward(x); }, {"backward", "[5, 7]"});
}

TEST_F(OpsValue, NumbersThatCannotBe) {
  const Variable x = random({5, 7});
  for (const float slope : {0.0f, -0.1f, NAN}) {
    expect_refusal([&] { ops::leaky_relu(tape_, x, slope); }, {"leaky_relu", "slope"});
  }
  for (const float rate : {-0.1f, 1.0f, NAN}) {
    expect_refusal([&] { ops::dropout(tape_, x, rate, kKey); }, {"dropout", "rate"});
  }
}

// Scalars are losses: they combine by add and scale. Anything else would lose their gradient.
TEST_F(OpsValue, ScalarsThatWouldLoseTheirGradient) {
  std::vector<float> value(3, 1.0f), gradient(3, 0.0f);
  const Tensor scalar(value.data(), {}, Device::cpu);
  expect_refusal([&] { tape_.parameter(scalar, Tensor(gradient.data(), {}, Device::cpu)); },
                 {"parameter", "scalar"});
  for (const bool squash : {false, true}) {
    tape_.reset();
    const Variable y = tape_.parameter(Tensor(value.data(), {3}, Device::cpu),
                                       Tensor(gradient.data(), {3}, Device::cpu));
    const Variable total = ops::sum(tape_, y);
    const Variable loss = squash ? ops::sigmoid(tape_, total) : ops::sum(tape_, total);
    expect_refusal([&] { tape_.backward(loss); }, {"scalar"});
  }
}

}  // namespace
}  // namespace burin::test::ops_value
