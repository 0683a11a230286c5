#include "kernels/l1_activity/l1_activity.h"

#include "engine/backend/dispatch.h"
#include "engine/ops/ops.h"

namespace burin::ops {

Variable l1_activity(Tape& tape, Variable x, float scale) {
  Variable loss = tape.result({}, {x});
  const int64_t n = x.value().elements();
  BURIN_DISPATCH(tape.device(), l1_activity_forward, x.value().data(), n, scale,
                 loss.value().data(), tape.stream());
  tape.record(loss, [=](Tape& t) {
    const Tape::Target d_x = t.gradient_of(x);
    BURIN_DISPATCH(t.device(), l1_activity_backward, x.value().data(), d_x.data, n,
                   scale * loss->scalar_gradient, d_x.accumulate, t.stream());
  });
  return loss;
}

}  // namespace burin::ops
