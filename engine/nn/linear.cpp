#include "engine/nn/linear.h"

#include <cmath>

#include "engine/backend/dispatch.h"
#include "kernels/fill/fill.h"
#include "kernels/random_fill/random_fill.h"

namespace burin {

Linear::Linear(Parameters& parameters, const std::string& name, int64_t in, int64_t out,
               Activation activation, float slope)
    : Linear(parameters, std::vector<std::string>{name}, in, out, activation, slope) {}

Linear::Linear(Parameters& parameters, const std::vector<std::string>& names, int64_t in,
               int64_t out, Activation activation, float slope)
    : in_(in),
      out_(out),
      activation_(activation),
      slope_(slope),
      parts_(static_cast<int>(names.size())) {
  for (int part = 0; part < parts_; ++part) {
    const std::string& name = names[static_cast<size_t>(part)];
    const int index = parameters.add(name + ".weight", {out, in}, true, part > 0);
    if (part == 0) weight_ = index;
  }
  for (int part = 0; part < parts_; ++part) {
    const std::string& name = names[static_cast<size_t>(part)];
    const int index = parameters.add(name + ".bias", {out}, false, part > 0);
    if (part == 0) bias_ = index;
  }
}

Variable Linear::forward(Tape& tape, const Parameters& parameters, Variable x, bool trainable,
                         ops::DenseOptions options) const {
  options.activation = activation_;
  options.slope = slope_;
  return ops::dense(tape, x, weight_variable(tape, parameters, trainable),
                    bias_variable(tape, parameters, trainable), options);
}

void Linear::initialize(const Parameters& parameters, Initialization kind, uint64_t seed,
                        uint32_t stream) const {
  for (int part = 0; part < parts_; ++part) {
    initialize_part(parameters, part, kind, seed, stream + static_cast<uint32_t>(part));
  }
}

void Linear::initialize_part(const Parameters& parameters, int part, Initialization kind,
                             uint64_t seed, uint32_t stream) const {
  const Tensor weight = parameters.value(weight_ + part);
  const Tensor bias = parameters.value(bias_ + part);
  const RandomKey key{seed, stream, nullptr};
  const double in = static_cast<double>(in_);
  const double out = static_cast<double>(out_);
  if (kind == Initialization::he) {
    // The gain is that of the activation behind the layer; for tanh, sigmoid and none it is 1.
    const double slope = activation_ == Activation::leaky_relu ? double{slope_} : 1.0;
    const double deviation = std::sqrt(2.0 / ((1.0 + slope * slope) * in));
    BURIN_DISPATCH(weight.device(), random_normal, weight.data(), weight.elements(),
                   static_cast<float>(deviation), key, {});
  } else {
    const float limit = static_cast<float>(std::sqrt(6.0 / (in + out)));
    BURIN_DISPATCH(weight.device(), random_uniform, weight.data(), weight.elements(), -limit, limit,
                   key, {});
  }
  BURIN_DISPATCH(bias.device(), fill, bias.data(), bias.elements(), 0.0f, {});
}

}  // namespace burin
