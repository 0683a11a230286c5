#include "kernels/select_columns/select_columns.h"
#include "engine/backend/dispatch.h"
#include "engine/ops/ops.h"

namespace burin::ops {

Variable select_columns(Tape& tape, Variable x, const int32_t* columns, int64_t n) {
  const Tensor y = tape.temporary({x.value().rows(), n});
  BURIN_DISPATCH(tape.device(), select_columns, x.value().data(), y.rows(), x.value().cols(),
                 columns, n, y.data(), tape.stream());
  return tape.constant(y);
}

}  // namespace burin::ops
