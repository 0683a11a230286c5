// Dense layers one behind the other, in the host's memory: what can be taken out of them without a
// change of what they compute, and how far rounding may move what they compute. docs/compact.md
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/gemm/activation.h"

namespace burin {

struct ChainLayer {
  std::string name;
  int64_t out = 0, in = 0;
  std::vector<float> weight;  // [out, in]
  std::vector<float> bias;    // [out]
  Activation activation = Activation::none;
  float slope = 0.2f;  // of leaky_relu
};

// What a layer's inputs and outputs number, next to each other, are the same.
struct LayerChain {
  std::vector<ChainLayer> layers;  // at least one
  std::vector<int64_t> inputs;     // which of the inputs there were the first layer still reads
};

// Neurons that went from behind a layer, by what they died of.
struct RemovedNeurons {
  int64_t zero = 0;    // no incoming weight, and a constant that is 0: sigmoid never has one
  int64_t folded = 0;  // no incoming weight: their constant went into the next layer's bias
  int64_t unread = 0;  // no outgoing weight
};
struct Removed {
  std::vector<RemovedNeurons> neurons;  // behind each layer but the last
  int64_t inputs = 0;
  // Whether a bias was added to: only then are the sums others, by rounding.
  bool changes_rounding = false;
};

// Takes out neurons whose incoming weights are all zero, which are constants act(bias), and neurons
// whose outgoing weights are all zero, again and again until none is left; then, with
// `drop_inputs`, inputs whose weights are all zero. Constants are folded in double, and each bias
// is rounded once. A layer keeps one neuron, with weights and bias of 0, where all would go; and so
// do the inputs.
Removed remove_dead(LayerChain& chain, bool drop_inputs);

// Keeps the rows of the last layer that are listed, rising.
void keep_outputs(LayerChain& chain, const std::vector<int64_t>& rows);

// Values with a bound on how far single precision may be from them.
struct Bounded {
  std::vector<double> values;
  std::vector<double> errors;
};

// One example through the chain in double, with a running error bound (Higham 2002, Accuracy and
// Stability of Numerical Algorithms, section 3.3). Of a layer with n weights that are not zero,
//   error(s) <= sum |w| error(x) + gamma_{n+1} (|b| + sum |w| (|x| + error(x))),
// gamma_n = n u / (1 - n u), u = 2^-24; behind its activation, of Lipschitz constant L,
//   error(y) <= L error(s) + 3 eps |y|,
// for the activations are good to less than 3 units in the last place (kernels/common/math.h).
Bounded run_bounded(const LayerChain& chain, const Bounded& x);
// The logistic function behind it, and 0.5 (x + 1).
Bounded logistic(const Bounded& x);
Bounded from_signed(const Bounded& x);

int64_t nonzeros(const std::vector<float>& weight);

}  // namespace burin
