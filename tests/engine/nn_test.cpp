// Parameters, Linear and Mlp.
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "engine/nn/mlp.h"
#include "tests/oracle.h"
#include "tests/support/kernel_case.h"

namespace burin::test {
namespace {

TEST(Parameters, LayoutIsAlignedDisjointAndInOrder) {
  Parameters parameters;
  const std::vector<Shape> shapes = {{3, 5}, {3}, {16}, {17, 1}, {1}, {2, 8}};
  for (size_t i = 0; i < shapes.size(); ++i) {
    EXPECT_EQ(parameters.add("p" + std::to_string(i), shapes[i], i % 2 == 0), int(i));
  }
  parameters.allocate(Device::cpu);
  EXPECT_EQ(parameters.count(), 6);
  EXPECT_EQ(parameters.elements(), 15 + 3 + 16 + 17 + 1 + 16);
  int64_t end = 0;
  for (int i = 0; i < parameters.count(); ++i) {
    const ParameterInfo& info = parameters.info(i);
    EXPECT_EQ(info.name, "p" + std::to_string(i));
    EXPECT_EQ(info.shape, shapes[size_t(i)]);
    EXPECT_EQ(info.is_weight, i % 2 == 0);
    EXPECT_EQ(info.offset % 16, 0);
    EXPECT_GE(info.offset, end);
    EXPECT_LT(info.offset - end, 16);
    end = info.offset + info.shape.elements();
    for (const Tensor& view : {parameters.value(i), parameters.gradient(i)}) {
      EXPECT_EQ(reinterpret_cast<uintptr_t>(view.data()) % 64, 0u);
      EXPECT_EQ(view.shape(), info.shape);
      EXPECT_EQ(view.to_host(), std::vector<float>(size_t(view.elements()), 0.0f));
    }
    EXPECT_EQ(parameters.value(i).data(), parameters.values().as<float>() + info.offset);
    EXPECT_EQ(parameters.gradient(i).data(), parameters.gradients().as<float>() + info.offset);
  }
  EXPECT_GE(parameters.flat_size(), end);
  EXPECT_EQ(parameters.values().bytes(), size_t(parameters.flat_size()) * sizeof(float));
  EXPECT_EQ(parameters.gradients().bytes(), parameters.values().bytes());
}

struct Moments {
  double mean, deviation, largest;
};

Moments moments(const std::vector<float>& values) {
  double sum = 0, squares = 0, largest = 0;
  for (const float v : values) {
    sum += double{v};
    squares += double{v} * double{v};
    largest = std::max(largest, std::abs(double{v}));
  }
  const double n = double(values.size());
  return {sum / n, std::sqrt(squares / n - sum / n * (sum / n)), largest};
}

constexpr int64_t kIn = 100, kOut = 300;

std::vector<float> initialized(Initialization kind, Activation activation, uint64_t seed,
                               uint32_t stream) {
  Parameters parameters;
  const Linear linear(parameters, "layer", kIn, kOut, activation, 0.2f);
  parameters.allocate(Device::cpu);
  parameters.value(linear.bias()).set(std::vector<float>(kOut, 5.0f));
  linear.initialize(parameters, kind, seed, stream);
  EXPECT_EQ(parameters.value(linear.bias()).to_host(), std::vector<float>(kOut, 0.0f));
  return parameters.value(linear.weight()).to_host();
}

// Of n numbers, the mean has a deviation of s / sqrt(n), the deviation one of about s / sqrt(2n)
// (less for the uniform); five of them are allowed.
void expect_moments(const std::vector<float>& weights, double deviation) {
  const Moments m = moments(weights);
  const double n = double(weights.size());
  EXPECT_NEAR(m.mean, 0.0, 5 * deviation / std::sqrt(n));
  EXPECT_NEAR(m.deviation, deviation, 5 * deviation / std::sqrt(2 * n));
}

TEST(Linear, HeInitialization) {
  for (const auto& [activation, gain] :
       {std::pair(Activation::leaky_relu, 2.0 / (1.0 + 0.2 * 0.2)),
        std::pair(Activation::tanh, 1.0), std::pair(Activation::none, 1.0)}) {
    const std::vector<float> weights = initialized(Initialization::he, activation, 1, 256);
    expect_moments(weights, std::sqrt(gain / kIn));
    EXPECT_GT(moments(weights).largest, 3.0 * std::sqrt(gain / kIn));  // normal, not uniform
  }
}

TEST(Linear, XavierInitialization) {
  const std::vector<float> weights =
      initialized(Initialization::xavier, Activation::leaky_relu, 1, 256);
  const double limit = std::sqrt(6.0 / (kIn + kOut));
  expect_moments(weights, limit / std::sqrt(3.0));
  EXPECT_LE(moments(weights).largest, limit * (1 + kEpsilon));
  EXPECT_GT(moments(weights).largest, 0.99 * limit);
}

TEST(Linear, InitializationDependsOnSeedAndStreamAlone) {
  std::set<std::vector<float>> seen;
  for (const uint64_t seed : {1, 2}) {
    for (const uint32_t stream : {256u, 257u}) {
      const auto weights = initialized(Initialization::he, Activation::none, seed, stream);
      EXPECT_EQ(weights, initialized(Initialization::he, Activation::none, seed, stream));
      seen.insert(weights);
    }
  }
  EXPECT_EQ(seen.size(), 4u);
}

TEST(Mlp, NamesShapesAndSizes) {
  Parameters parameters;
  const Mlp mlp(parameters, {{4, 7, 5, 2}, Activation::tanh, Activation::none, 0.2f});
  ASSERT_EQ(parameters.count(), 6);
  const std::pair<const char*, Shape> expected[] = {{"0.weight", {7, 4}}, {"0.bias", {7}},
                                                    {"1.weight", {5, 7}}, {"1.bias", {5}},
                                                    {"2.weight", {2, 5}}, {"2.bias", {2}}};
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ(parameters.info(i).name, expected[i].first);
    EXPECT_EQ(parameters.info(i).shape, expected[i].second);
    EXPECT_EQ(parameters.info(i).is_weight, i % 2 == 0);
  }
  ASSERT_EQ(mlp.layers().size(), 3u);
  EXPECT_EQ(mlp.layers()[1].in(), 7);
  EXPECT_EQ(mlp.layers()[1].out(), 5);
  EXPECT_EQ(mlp.layers()[2].weight(), 4);
  Parameters unused;
  EXPECT_THROW(Mlp(unused, {{4}}), std::invalid_argument);
  EXPECT_THROW(Mlp(unused, {{}}), std::invalid_argument);
  EXPECT_THROW(Mlp(unused, {{4, 0, 2}}), std::invalid_argument);
}

// Layers of identity, so that what dropout did to each is seen at the output.
class MlpDropout : public testing::Test {
 protected:
  static constexpr int64_t kRows = 6, kWidth = 64;
  MlpDropout()
      : mlp_(parameters_, {{kWidth, kWidth, kWidth, kWidth}, Activation::none, Activation::none}) {
    parameters_.allocate(Device::cpu);
    for (const Linear& layer : mlp_.layers()) {
      for (int64_t i = 0; i < kWidth; ++i) {
        parameters_.value(layer.weight()).data()[i * kWidth + i] = 1.0f;
      }
    }
  }
  std::vector<float> output(const Mlp::Dropout& dropout) {
    Tape tape(Device::cpu);
    const Tensor x = tape.temporary({kRows, kWidth});
    x.set(std::vector<float>(kRows * kWidth, 1.0f));
    return mlp_.forward(tape, parameters_, tape.constant(x), false, dropout).value().to_host();
  }

  Parameters parameters_;
  Mlp mlp_;
};

TEST_F(MlpDropout, EachHiddenLayerHasItsOwnStream) {
  uint64_t step = 3;
  const std::vector<float> y = output({0.25f, {7, 512, &step}});
  int64_t kept = 0;
  for (int64_t i = 0; i < kRows * kWidth; ++i) {
    // Hidden layers 0 and 1; the output layer has no dropout.
    const bool first = oracle::dropout_keeps({7, 512, 3}, i, 0.25);
    const bool second = oracle::dropout_keeps({7, 513, 3}, i, 0.25);
    const double expected = first && second ? 1.0 / (0.75 * 0.75) : 0.0;
    expect_close(double{y[size_t(i)]}, expected, 3, 0, "element");
    kept += first && second;
  }
  EXPECT_GT(kept, 0);
  step = 4;  // another step, another mask
  EXPECT_NE(output({0.25f, {7, 512, &step}}), y);
}

TEST_F(MlpDropout, NoneByDefaultAndAtRateZero) {
  const std::vector<float> ones(kRows * kWidth, 1.0f);
  EXPECT_EQ(output({}), ones);
  EXPECT_EQ(output({0.0f, {7, 512, nullptr}}), ones);
}

TEST(Mlp, WritesIntoTheGivenTensor) {
  Parameters parameters;
  const Mlp mlp(parameters, {{3, 5, 2}, Activation::tanh, Activation::sigmoid, 0.2f});
  parameters.allocate(Device::cpu);
  for (const Linear& layer : mlp.layers()) {
    layer.initialize(parameters, Initialization::he, 1, 256);
  }
  Tape tape(Device::cpu);
  const Tensor x = tape.temporary({4, 3}), both = tape.temporary({8, 2});
  x.set(random_values(12));
  both.set(std::vector<float>(16, -1.0f));
  ops::DenseOptions options;
  options.out = both.row_range(4, 4);
  const Variable y = mlp.forward(tape, parameters, tape.constant(x), false, {}, options);
  EXPECT_EQ(y.value().data(), both.data() + 8);
  EXPECT_EQ(y.value().to_host(),
            mlp.forward(tape, parameters, tape.constant(x), false).value().to_host());
  EXPECT_EQ(both.row_range(0, 4).to_host(), std::vector<float>(8, -1.0f));
}

}  // namespace
}  // namespace burin::test
