#include "kernels/advance_step/advance_step.h"
#include "kernels/common/cuda_launch.cuh"

namespace burin::cuda {
namespace {

__global__ void advance_step_kernel(StepLosses losses, const StepScalars* table /* [rows] */,
                                    int64_t rows, StepState* state /* [1] */,
                                    StepScalars* current /* [1] */) {
  burin::advance_step(losses, table, rows, state, current);
}

}  // namespace

void advance_step(const StepLosses& losses, const StepScalars* table, int64_t rows,
                  StepState* state, StepScalars* current, Stream stream) {
  advance_step_kernel<<<1, 1, 0, stream_of(stream)>>>(losses, table, rows, state, current);
  check_launch("advance_step_kernel");
}

}  // namespace burin::cuda
