#include "kernels/scale/scale.h"

#include "engine/backend/dispatch.h"
#include "engine/ops/ops.h"

namespace burin::ops {

Variable scale(Tape& tape, Variable x, float alpha) {
  Variable y = tape.result(x.shape(), {x});
  const int64_t n = x.value().elements();
  BURIN_DISPATCH(tape.device(), scale, x.value().data(), alpha, y.value().data(), n, false,
                 tape.stream());
  tape.record(y, [=](Tape& t) {
    if (y.shape().rank() == 0) {
      t.add_scalar_gradient(x, alpha * y->scalar_gradient);
      return;
    }
    const Tape::Target d_x = t.gradient_of(x);
    BURIN_DISPATCH(t.device(), scale, y->gradient.data(), alpha, d_x.data, n, d_x.accumulate,
                   t.stream());
  });
  return y;
}

}  // namespace burin::ops
