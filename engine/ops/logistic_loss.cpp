#include "kernels/logistic_loss/logistic_loss.h"

#include "engine/backend/dispatch.h"
#include "engine/ops/check.h"
#include "engine/ops/ops.h"
#include "kernels/scale/scale.h"

namespace burin::ops {

Variable logistic_loss(Tape& tape, Variable x, Variable weight, Variable bias, const Tensor& target,
                       float scale, float l1_scale) {
  const Shape& shape = x.shape();
  if (shape.rank() != 2 || weight.shape() != Shape{1, shape[1]} || bias.shape() != Shape{1}) {
    throw std::invalid_argument(
        "logistic_loss: x " + shape.to_string() + ", weight " + weight.shape().to_string() +
        " and bias " + bias.shape().to_string() + " do not fit; expected [B, in], [1, in] and [1]");
  }
  check_same_shape("logistic_loss", "target", target.shape(), "logits", {shape[0], 1});
  Variable loss = tape.result({}, {x, weight, bias});
  // Value and gradients in one pass, where gradients are wanted.
  const Tensor logits = tape.temporary(target.shape());
  const Tensor d_logits = loss->needs_gradient ? tape.temporary(target.shape()) : Tensor();
  const Tensor d_x = x->needs_gradient ? tape.temporary(shape) : Tensor();
  const LogisticLayer layer{x.value().data(),
                            weight.value().data(),
                            bias.value().data(),
                            target.data(),
                            shape[0],
                            shape[1],
                            x->activation,
                            x->slope};
  BURIN_DISPATCH(tape.device(), logistic_loss, layer, scale, l1_scale, logits.data(),
                 loss.value().data(), d_logits.data(), d_x.data(), tape.stream());
  tape.record(loss, [=](Tape& t) {
    if (x->needs_gradient && x->uses != 1) {
      throw std::invalid_argument("logistic_loss: its input must have no other reader");
    }
    const float factor = loss->scalar_gradient;
    if (factor != 1.0f) {
      BURIN_DISPATCH(t.device(), scale, d_logits.data(), factor, d_logits.data(),
                     d_logits.elements(), false, t.stream());
    }
    weight_gradients(t, d_logits, x.value(), weight, bias);
    if (!x->needs_gradient) return;
    t.give_gradient(x, d_x, factor);
    x->gradient_is_of_preactivation = x->activation != Activation::none;
  });
  return loss;
}

}  // namespace burin::ops
