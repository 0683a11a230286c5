// L1 penalty on activations: outputs, z_mean, reconstructions (not on weights: those shrink in the
// optimiser).
//   loss = scale * sum |x|       d loss / d x = scale * sign(x), sign(0) = 0
// docs/maths.md#l1_activity
#pragma once

#include <cstdint>

#include "kernels/common/host_device.h"
#include "kernels/common/stream.h"

namespace burin {

// The subgradient that is 0 at the kink, so that an exact zero stays; 0 for NaN too.
BURIN_HOST_DEVICE float sign(float x) {
  return (x > 0.0f ? 1.0f : 0.0f) - (x < 0.0f ? 1.0f : 0.0f);
}

// Contract of both twins: n >= 0 elements; sums in a fixed order, so the same bits for any thread
// count or block order.
namespace cpu {

// *loss = scale * sum over n of |x|. Overwrites loss. n = 0 gives 0.
void l1_activity_forward(const float* x, int64_t n, float scale, float* loss, Stream stream);

// d_x[n] = scale * sign(x): added to d_x if `accumulate`, else d_x is overwritten. d_x may be x
// (then without `accumulate`).
void l1_activity_backward(const float* x, float* d_x, int64_t n, float scale, bool accumulate,
                          Stream stream);

}  // namespace cpu

namespace cuda {
// The same signatures, by construction.
decltype(cpu::l1_activity_forward) l1_activity_forward;
decltype(cpu::l1_activity_backward) l1_activity_backward;
}  // namespace cuda

}  // namespace burin
