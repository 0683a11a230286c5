// What can be taken out of layers, on networks made for it, against their plain sums in double.
#include "models/layer_chain.h"

#include <numeric>

#include "kernels/gemm/gemm.h"
#include "tests/oracle.h"
#include "tests/support/kernel_case.h"

namespace burin::test {
namespace {

char letter(Activation activation) {
  return activation == Activation::leaky_relu ? 'l'
         : activation == Activation::sigmoid  ? 's'
         : activation == Activation::tanh     ? 't'
                                              : 'n';
}

// The chain on an example of all the inputs there were.
std::vector<double> plain(const LayerChain& chain, const std::vector<double>& example) {
  std::vector<double> x;
  for (const int64_t input : chain.inputs) x.push_back(example[size_t(input)]);
  for (const ChainLayer& layer : chain.layers) {
    std::vector<double> y;
    for (int64_t o = 0; o < layer.out; ++o) {
      double sum = double{layer.bias[size_t(o)]};
      for (int64_t i = 0; i < layer.in; ++i) {
        sum += double{layer.weight[size_t(o * layer.in + i)]} * x[size_t(i)];
      }
      y.push_back(oracle::gemm_activation(letter(layer.activation), sum, double{layer.slope}));
    }
    x = y;
  }
  return x;
}

LayerChain chain_of(const std::vector<int64_t>& sizes, Activation hidden, Activation output,
                    uint32_t seed = 1) {
  LayerChain chain;
  for (size_t l = 0; l + 1 < sizes.size(); ++l) {
    ChainLayer layer;
    layer.name = std::to_string(l);
    layer.in = sizes[l];
    layer.out = sizes[l + 1];
    layer.weight =
        random_values(layer.in * layer.out, 1.5 / std::sqrt(double(layer.in)), seed + uint32_t(l));
    layer.bias = random_values(layer.out, 0.5, seed + 100 + uint32_t(l));
    layer.activation = l + 2 == sizes.size() ? output : hidden;
    chain.layers.push_back(layer);
  }
  chain.inputs.resize(size_t(sizes[0]));
  std::iota(chain.inputs.begin(), chain.inputs.end(), 0);
  return chain;
}

void clear_row(ChainLayer& layer, int64_t row, float bias) {
  for (int64_t i = 0; i < layer.in; ++i) layer.weight[size_t(row * layer.in + i)] = 0.0f;
  layer.bias[size_t(row)] = bias;
}
void clear_column(ChainLayer& layer, int64_t column) {
  for (int64_t o = 0; o < layer.out; ++o) layer.weight[size_t(o * layer.in + column)] = 0.0f;
}

// Outputs of both agree, up to the rounding of the biases: each to half a unit of itself, carried
// through two layers of weights whose sums are below 6.
void expect_same_function(const LayerChain& before, const LayerChain& after) {
  for (uint32_t seed = 50; seed < 54; ++seed) {
    const std::vector<float> x = random_values(int64_t(before.inputs.size()), 1.0, seed);
    const std::vector<double> example(x.begin(), x.end());
    const std::vector<double> expected = plain(before, example), actual = plain(after, example);
    ASSERT_EQ(actual.size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      expect_close(actual[i], expected[i], 36.0, 1.0, "output");
    }
  }
}

std::vector<int64_t> sizes_of(const LayerChain& chain) {
  std::vector<int64_t> sizes = {chain.layers.front().in};
  for (const ChainLayer& layer : chain.layers) sizes.push_back(layer.out);
  return sizes;
}

TEST(LayerChain, ADeadNeuronWithoutBiasGoesWithItsColumn) {
  for (const Activation hidden : {Activation::tanh, Activation::leaky_relu}) {
    LayerChain chain = chain_of({3, 4, 2}, hidden, Activation::none);
    clear_row(chain.layers[0], 1, 0.0f);
    const LayerChain before = chain;
    const Removed removed = remove_dead(chain, true);
    EXPECT_EQ(removed.neurons[0].zero, 1);
    EXPECT_EQ(removed.neurons[0].folded + removed.neurons[0].unread, 0);
    EXPECT_FALSE(removed.changes_rounding);
    EXPECT_EQ(sizes_of(chain), (std::vector<int64_t>{3, 3, 2}));
    EXPECT_EQ(chain.layers[1].bias, before.layers[1].bias);
    expect_same_function(before, chain);
  }
}

TEST(LayerChain, ADeadNeuronWithABiasIsFoldedIntoTheNext) {
  for (const Activation hidden : {Activation::tanh, Activation::leaky_relu, Activation::sigmoid}) {
    LayerChain chain = chain_of({3, 4, 2}, hidden, Activation::tanh);
    clear_row(chain.layers[0], 2, -0.75f);
    const LayerChain before = chain;
    const Removed removed = remove_dead(chain, true);
    EXPECT_EQ(removed.neurons[0].folded, 1);
    EXPECT_TRUE(removed.changes_rounding);
    EXPECT_EQ(sizes_of(chain), (std::vector<int64_t>{3, 3, 2}));
    const double constant = oracle::gemm_activation(letter(hidden), -0.75, double{0.2f});
    for (size_t o = 0; o < 2; ++o) {
      const double bias =
          double{before.layers[1].bias[o]} + constant * double{before.layers[1].weight[o * 4 + 2]};
      EXPECT_EQ(chain.layers[1].bias[o], float(bias)) << o;
    }
    expect_same_function(before, chain);
  }
}

// A sigmoid of 0 is no 0.
TEST(LayerChain, ASigmoidWithoutWeightsAndBiasIsAHalf) {
  LayerChain chain = chain_of({3, 4, 2}, Activation::sigmoid, Activation::none);
  clear_row(chain.layers[0], 0, 0.0f);
  const LayerChain before = chain;
  EXPECT_EQ(remove_dead(chain, true).neurons[0].folded, 1);
  expect_same_function(before, chain);
}

TEST(LayerChain, AnUnreadNeuronGoesAndWhatItAloneReadToo) {
  LayerChain chain = chain_of({5, 4, 3, 2}, Activation::tanh, Activation::none);
  clear_column(chain.layers[2], 1);  // neuron 1 behind layer 1 is unread
  for (int64_t o = 0; o < 3; ++o) {  // neuron 2 behind layer 0 is read by it alone
    if (o != 1) chain.layers[1].weight[size_t(o * 4 + 2)] = 0.0f;
  }
  for (int64_t o = 0; o < 4; ++o) {  // input 4 is read by that one alone
    if (o != 2) chain.layers[0].weight[size_t(o * 5 + 4)] = 0.0f;
  }
  const LayerChain before = chain;
  const Removed removed = remove_dead(chain, true);
  EXPECT_EQ(removed.neurons[0].unread, 1);
  EXPECT_EQ(removed.neurons[1].unread, 1);
  EXPECT_EQ(removed.inputs, 1);
  EXPECT_EQ(chain.inputs, (std::vector<int64_t>{0, 1, 2, 3}));
  EXPECT_EQ(sizes_of(chain), (std::vector<int64_t>{4, 3, 2, 2}));
  EXPECT_FALSE(removed.changes_rounding);
  expect_same_function(before, chain);
}

TEST(LayerChain, AConstantMakesTheNextOneConstant) {
  LayerChain chain = chain_of({3, 4, 3, 2}, Activation::tanh, Activation::sigmoid);
  clear_row(chain.layers[0], 0, 0.5f);
  for (int64_t i = 1; i < 4; ++i) chain.layers[1].weight[size_t(2 * 4 + i)] = 0.0f;
  const LayerChain before = chain;  // neuron 2 behind layer 1 reads neuron 0 behind layer 0 alone
  const Removed removed = remove_dead(chain, true);
  EXPECT_EQ(removed.neurons[0].folded, 1);
  EXPECT_EQ(removed.neurons[1].folded, 1);
  EXPECT_EQ(sizes_of(chain), (std::vector<int64_t>{3, 3, 2, 2}));
  expect_same_function(before, chain);
}

TEST(LayerChain, WhereAllDieOneOfEachStaysAndTheOutputIsTheConstant) {
  LayerChain chain = chain_of({3, 4, 3, 2}, Activation::tanh, Activation::none);
  for (int64_t o = 0; o < 4; ++o) clear_row(chain.layers[0], o, 0.25f);
  const LayerChain before = chain;
  const Removed removed = remove_dead(chain, true);
  EXPECT_EQ(sizes_of(chain), (std::vector<int64_t>{1, 1, 1, 2}));
  EXPECT_EQ(chain.inputs, std::vector<int64_t>{0});
  EXPECT_EQ(nonzeros(chain.layers[0].weight) + nonzeros(chain.layers[1].weight) +
                nonzeros(chain.layers[2].weight),
            0);
  EXPECT_EQ(removed.inputs, 2);
  expect_same_function(before, chain);
}

TEST(LayerChain, InputsStayWhereTheyMustAndNothingIsTakenTwice) {
  LayerChain chain = chain_of({40, 30, 20, 10}, Activation::leaky_relu, Activation::tanh);
  std::mt19937 engine(9);
  for (ChainLayer& layer : chain.layers) {
    for (float& w : layer.weight) w = engine() % 100 < 93 ? 0.0f : w;
  }
  const LayerChain before = chain;
  LayerChain kept = chain;
  const Removed removed = remove_dead(chain, true);
  EXPECT_GT(removed.neurons[0].folded + removed.neurons[0].unread, 0);
  EXPECT_GT(removed.inputs, 0);
  expect_same_function(before, chain);
  const std::vector<int64_t> sizes = sizes_of(chain);
  EXPECT_FALSE(remove_dead(chain, true).changes_rounding);
  EXPECT_EQ(sizes_of(chain), sizes);
  remove_dead(kept, false);
  EXPECT_EQ(kept.inputs, before.inputs);
  EXPECT_EQ(kept.layers[0].in, 40);
  expect_same_function(before, kept);
}

TEST(LayerChain, KeepsTheOutputsThatAreListed) {
  LayerChain chain = chain_of({3, 4, 5}, Activation::tanh, Activation::none);
  const LayerChain before = chain;
  keep_outputs(chain, {1, 4});
  const std::vector<double> x = {0.3, -1.0, 2.0};
  EXPECT_EQ(plain(chain, x), (std::vector<double>{plain(before, x)[1], plain(before, x)[4]}));
}

// The error bound holds for what single precision makes, and is no more than its sums ask for.
TEST(LayerChain, SinglePrecisionStaysWithinTheBound) {
  for (const Activation hidden : {Activation::tanh, Activation::leaky_relu, Activation::sigmoid}) {
    const LayerChain chain = chain_of({50, 40, 30, 20}, hidden, Activation::tanh);
    const std::vector<float> x = random_values(2 * 50, 1.0, 8);
    double norms = 4;  // of the inputs and the matrices, in the maximum norm
    for (const ChainLayer& layer : chain.layers) {
      double largest = 0;
      for (int64_t o = 0; o < layer.out; ++o) {
        double sum = std::abs(double{layer.bias[size_t(o)]});
        for (int64_t i = 0; i < layer.in; ++i) {
          sum += std::abs(double{layer.weight[size_t(o * layer.in + i)]});
        }
        largest = std::max(largest, sum);
      }
      norms *= largest;
    }
    std::vector<float> at = x;
    for (const ChainLayer& layer : chain.layers) {
      std::vector<float> next(size_t(2 * layer.out));
      GemmEpilogue epilogue;
      epilogue.bias = layer.bias.data();
      epilogue.activation = layer.activation;
      epilogue.slope = layer.slope;
      cpu::gemm(false, true, 2, layer.out, layer.in, at.data(), layer.in, layer.weight.data(),
                layer.in, next.data(), layer.out, epilogue, {});
      at = next;
    }
    for (size_t row = 0; row < 2; ++row) {
      Bounded example;
      example.values.assign(x.begin() + ptrdiff_t(50 * row), x.begin() + ptrdiff_t(50 * row + 50));
      example.errors.assign(50, 0.0);
      const Bounded out = run_bounded(chain, example);
      const std::vector<double> exact = plain(chain, example.values);
      for (size_t i = 0; i < 20; ++i) {
        EXPECT_NEAR(out.values[i], exact[i], 1e-12);
        EXPECT_LE(std::abs(double{at[20 * row + i]} - exact[i]), out.errors[i]);
        EXPECT_LT(out.errors[i], 3 * 51 * 0x1p-24 * norms);
      }
    }
  }
}

}  // namespace
}  // namespace burin::test
