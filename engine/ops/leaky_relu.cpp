#include "kernels/leaky_relu/leaky_relu.h"

#include "engine/backend/dispatch.h"
#include "engine/ops/ops.h"

namespace burin::ops {

Variable leaky_relu(Tape& tape, Variable x, float slope) {
  if (!(slope > 0.0f)) {
    throw std::invalid_argument("leaky_relu: slope " + std::to_string(slope) + ", expected > 0");
  }
  Variable y = tape.result(x.shape(), {x});
  const int64_t n = x.value().elements();
  BURIN_DISPATCH(tape.device(), leaky_relu_forward, x.value().data(), y.value().data(), n, slope,
                 tape.stream());
  tape.record(y, [=](Tape& t) {
    const Tape::Target d_x = t.gradient_of(x);
    BURIN_DISPATCH(t.device(), leaky_relu_backward, y.value().data(), y->gradient.data(), d_x.data,
                   n, slope, d_x.accumulate, t.stream());
  });
  return y;
}

}  // namespace burin::ops
