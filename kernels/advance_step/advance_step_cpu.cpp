#include "kernels/advance_step/advance_step.h"

namespace burin::cpu {

void advance_step(const StepLosses& losses, const StepScalars* table, int64_t rows,
                  StepState* state, StepScalars* current, Stream) {
  burin::advance_step(losses, table, rows, state, current);
}

}  // namespace burin::cpu
