#include "kernels/dropout/dropout.h"

#include "engine/backend/dispatch.h"
#include "engine/ops/ops.h"

namespace burin::ops {

Variable dropout(Tape& tape, Variable x, float rate, const RandomKey& key) {
  if (!(rate >= 0.0f && rate < 1.0f)) {
    throw std::invalid_argument("dropout: rate " + std::to_string(rate) +
                                ", expected 0 <= rate < 1");
  }
  Variable y = tape.result(x.shape(), {x});
  const int64_t n = x.value().elements();
  BURIN_DISPATCH(tape.device(), dropout_forward, x.value().data(), y.value().data(), n, rate, key,
                 tape.stream());
  tape.record(y, [=](Tape& t) {
    const Tape::Target d_x = t.gradient_of(x);
    if (x->activation != Activation::none && x->uses == 1) {
      // Nobody else adds to d_x: go straight to the gradient before x's own activation.
      x->gradient_is_of_preactivation = true;
      BURIN_DISPATCH(t.device(), dropout_activation_backward, x.value().data(), y->gradient.data(),
                     d_x.data, n, rate, x->activation, x->slope, key, t.stream());
      return;
    }
    BURIN_DISPATCH(t.device(), dropout_backward, y->gradient.data(), d_x.data, n, rate, key,
                   d_x.accumulate, t.stream());
  });
  return y;
}

}  // namespace burin::ops
