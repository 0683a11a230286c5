#include "kernels/sigmoid/sigmoid.h"

#include "engine/backend/dispatch.h"
#include "engine/ops/ops.h"

namespace burin::ops {

Variable sigmoid(Tape& tape, Variable x) {
  Variable y = tape.result(x.shape(), {x});
  const int64_t n = x.value().elements();
  BURIN_DISPATCH(tape.device(), sigmoid_forward, x.value().data(), y.value().data(), n,
                 tape.stream());
  tape.record(y, [=](Tape& t) {
    const Tape::Target d_x = t.gradient_of(x);
    BURIN_DISPATCH(t.device(), sigmoid_backward, y.value().data(), y->gradient.data(), d_x.data, n,
                   d_x.accumulate, t.stream());
  });
  return y;
}

}  // namespace burin::ops
