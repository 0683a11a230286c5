#include "engine/nn/linear.h"

#include <cmath>

#include "engine/backend/dispatch.h"
#include "kernels/fill/fill.h"
#include "kernels/random_fill/random_fill.h"

namespace burin {

Linear::Linear(Parameters& parameters, const std::string& name, int64_t in, int64_t out,
               Activation activation, float slope)
    : in_(in),
      out_(out),
      activation_(activation),
      slope_(slope),
      weight_(parameters.add(name + ".weight", {out, in}, true)),
      bias_(parameters.add(name + ".bias", {out}, false)) {}

Variable Linear::forward(Tape& tape, const Parameters& parameters, Variable x, bool trainable,
                         Tensor out) const {
  return ops::dense(tape, x, parameters.variable(tape, weight_, trainable),
                    parameters.variable(tape, bias_, trainable), {activation_, slope_, out});
}

void Linear::initialize(const Parameters& parameters, Initialization kind, uint64_t seed,
                        uint32_t stream) const {
  const Tensor weight = parameters.value(weight_);
  const Tensor bias = parameters.value(bias_);
  static const uint64_t step_zero = 0;
  const RandomKey key{seed, stream, &step_zero};
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
