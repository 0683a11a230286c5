#include "kernels/bce_logits/bce_logits.h"

#include "engine/backend/dispatch.h"
#include "engine/ops/check.h"
#include "engine/ops/ops.h"

namespace burin::ops {

Variable bce_logits(Tape& tape, Variable logits, const Tensor& target, float scale) {
  check_same_shape("bce_logits", "logits", logits.shape(), "target", target.shape());
  Variable loss = tape.result({}, {logits});
  // Value and gradient in one pass, where a gradient is wanted.
  const Tensor d_logits = loss->needs_gradient ? tape.temporary(logits.shape()) : Tensor();
  BURIN_DISPATCH(tape.device(), bce_logits, logits.value().data(), target.data(),
                 logits.value().elements(), scale, loss.value().data(), d_logits.data(),
                 tape.stream());
  tape.record(loss, [=](Tape& t) { t.give_gradient(logits, d_logits, loss->scalar_gradient); });
  return loss;
}

}  // namespace burin::ops
