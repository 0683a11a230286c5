// A stack of dense layers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/nn/linear.h"

namespace burin {

struct MlpOptions {
  std::vector<int64_t> sizes;  // input, hidden ..., output
  Activation hidden_activation = Activation::leaky_relu;
  Activation output_activation = Activation::none;
  float slope = 0.2f;
};

class Mlp {
 public:
  // Registers layers "0.weight", "0.bias", "1.weight", ... in `parameters`. Throws
  // std::invalid_argument for fewer than two sizes or a size below 1.
  Mlp(Parameters& parameters, const MlpOptions& options);

  // Dropout after each hidden layer, with masks from streams key.stream + layer.
  struct Dropout {
    float rate = 0;
    RandomKey key{};
  };

  // x[B, sizes.front()] -> [B, sizes.back()]. options: where the result goes, and which rows are
  // trained (then without dropout).
  Variable forward(Tape& tape, const Parameters& parameters, Variable x, bool trainable,
                   const Dropout& dropout, const ops::DenseOptions& options = {}) const;
  Variable forward(Tape& tape, const Parameters& parameters, Variable x, bool trainable) const {
    return forward(tape, parameters, x, trainable, Dropout());
  }
  // The same up to the last layer's input: [B, sizes[sizes.size() - 2]].
  Variable forward_hidden(Tape& tape, const Parameters& parameters, Variable x, bool trainable,
                          const Dropout& dropout, const ops::DenseOptions& options = {}) const;

  const std::vector<Linear>& layers() const { return layers_; }

 private:
  std::vector<Linear> layers_;
};

}  // namespace burin
