#include "kernels/reduce/reduce.h"

#include "engine/backend/dispatch.h"
#include "engine/ops/ops.h"
#include "kernels/fill/fill.h"

namespace burin::ops {
namespace {

Variable scaled_sum(Tape& tape, Variable x, float factor) {
  Variable total = tape.result({}, {x});
  const int64_t n = x.value().elements();
  BURIN_DISPATCH(tape.device(), sum, x.value().data(), n, factor, total.value().data(),
                 tape.stream());
  tape.record(total, [=](Tape& t) {
    const Tensor d_x = t.temporary(x.shape());
    BURIN_DISPATCH(t.device(), fill, d_x.data(), n, factor * total->scalar_gradient, t.stream());
    t.give_gradient(x, d_x, 1.0f);
  });
  return total;
}

}  // namespace

Variable sum(Tape& tape, Variable x) {
  return scaled_sum(tape, x, 1.0f);
}

Variable mean(Tape& tape, Variable x) {
  return scaled_sum(tape, x, 1.0f / static_cast<float>(x.value().elements()));
}

}  // namespace burin::ops
