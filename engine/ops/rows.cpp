#include "engine/ops/check.h"
#include "engine/ops/ops.h"

namespace burin::ops {

Variable rows(Tape& tape, Variable x) {
  const RowRange range = x.trained_rows();
  const Tensor view = x.value().row_range(range.first, range.count);
  Variable y = tape.result(view.shape(), {x}, view);
  y->activation = x->activation;
  y->slope = x->slope;
  if (!y->needs_gradient) return y;
  // The gradient is that of x, seen through the same window: nothing is copied.
  if (x->gradient.empty()) x->gradient = tape.temporary(x.shape());
  y->gradient = x->gradient.row_range(range.first, range.count);
  tape.record(y, [=](Tape&) {
    if (x->uses != 1) throw std::invalid_argument("rows: its input must have no other reader");
    x->has_gradient = true;
    x->gradient_is_of_preactivation = y->gradient_is_of_preactivation;
  });
  return y;
}

}  // namespace burin::ops
