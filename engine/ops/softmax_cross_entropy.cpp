#include "kernels/softmax_cross_entropy/softmax_cross_entropy.h"

#include "engine/backend/dispatch.h"
#include "engine/ops/ops.h"

namespace burin::ops {

Variable softmax_cross_entropy(Tape& tape, Variable logits, const int32_t* labels, float scale) {
  if (logits.shape().rank() != 2) {
    throw std::invalid_argument("softmax_cross_entropy: logits have shape " +
                                logits.shape().to_string() + ", expected [B, classes]");
  }
  Variable loss = tape.result({}, {logits});
  const Tensor d_logits = loss->needs_gradient ? tape.temporary(logits.shape()) : Tensor();
  BURIN_DISPATCH(tape.device(), softmax_cross_entropy, logits.value().data(), labels,
                 logits.value().rows(), logits.value().cols(), scale, loss.value().data(),
                 d_logits.data(), tape.stream());
  tape.record(loss, [=](Tape& t) { t.give_gradient(logits, d_logits, loss->scalar_gradient); });
  return loss;
}

}  // namespace burin::ops
