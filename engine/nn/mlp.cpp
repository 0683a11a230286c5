#include "engine/nn/mlp.h"

#include <stdexcept>

namespace burin {

Mlp::Mlp(Parameters& parameters, const MlpOptions& options) {
  const std::vector<int64_t>& sizes = options.sizes;
  if (sizes.size() < 2) throw std::invalid_argument("mlp: at least an input and an output size");
  for (const int64_t size : sizes) {
    if (size < 1) throw std::invalid_argument("mlp: layer size " + std::to_string(size));
  }
  for (size_t i = 0; i + 1 < sizes.size(); ++i) {
    const bool last = i + 2 == sizes.size();
    layers_.emplace_back(parameters, std::to_string(i), sizes[i], sizes[i + 1],
                         last ? options.output_activation : options.hidden_activation,
                         options.slope);
  }
}

Variable Mlp::forward_hidden(Tape& tape, const Parameters& parameters, Variable x, bool trainable,
                             const Dropout& dropout, const ops::DenseOptions& options) const {
  ops::DenseOptions of_layer;
  of_layer.trained_rows = options.trained_rows;
  for (size_t i = 0; i + 1 < layers_.size(); ++i) {
    x = layers_[i].forward(tape, parameters, x, trainable, of_layer);
    if (dropout.rate > 0) {
      RandomKey key = dropout.key;
      key.stream += static_cast<uint32_t>(i);
      x = ops::dropout(tape, x, dropout.rate, key);
    }
  }
  return x;
}

Variable Mlp::forward(Tape& tape, const Parameters& parameters, Variable x, bool trainable,
                      const Dropout& dropout, const ops::DenseOptions& options) const {
  x = forward_hidden(tape, parameters, x, trainable, dropout, options);
  return layers_.back().forward(tape, parameters, x, trainable, options);
}

}  // namespace burin
