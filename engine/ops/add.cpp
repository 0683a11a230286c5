#include "kernels/add/add.h"

#include "engine/backend/dispatch.h"
#include "engine/ops/check.h"
#include "engine/ops/ops.h"
#include "kernels/scale/scale.h"

namespace burin::ops {

Variable add(Tape& tape, Variable a, Variable b) {
  check_same_shape("add", "a", a.shape(), "b", b.shape());
  Variable y = tape.result(a.shape(), {a, b});
  const int64_t n = y.value().elements();
  BURIN_DISPATCH(tape.device(), add, a.value().data(), b.value().data(), y.value().data(), n,
                 tape.stream());
  tape.record(y, [=](Tape& t) {
    for (Variable input : {a, b}) {
      if (!input->needs_gradient) continue;
      if (y.shape().rank() == 0) {
        t.add_scalar_gradient(input, y->scalar_gradient);
        continue;
      }
      // A copy, not give_gradient: both inputs would share y's gradient.
      const Tape::Target d_input = t.gradient_of(input);
      BURIN_DISPATCH(t.device(), scale, y->gradient.data(), 1.0f, d_input.data, n,
                     d_input.accumulate, t.stream());
    }
  });
  return y;
}

}  // namespace burin::ops
