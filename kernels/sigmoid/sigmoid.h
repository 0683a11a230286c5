// Logistic sigmoid.
//   y = 1 / (1 + e^-x)       dy/dx = y (1 - y)
// docs/maths.md#sigmoid
#pragma once

#include <cstdint>

#include "kernels/common/host_device.h"
#include "kernels/common/math.h"
#include "kernels/common/stream.h"

namespace burin {

// The formula is math::sigmoid. Derivative from the output y; 0 where y has rounded to 1 (x > 17),
// so a loss that must learn from there takes logits: see bce_logits.
BURIN_HOST_DEVICE float sigmoid_derivative(float y) {
  return y * (1.0f - y);
}

// Contract of both twins: n >= 0 elements; the same bits for any thread count or block order.
namespace cpu {

// y[n] = sigmoid(x[n]). Overwrites y; y may be x.
void sigmoid_forward(const float* x, float* y, int64_t n, Stream stream);

// d_x[n] = d_y[n] * y[n] * (1 - y[n]), y being the output of sigmoid_forward: added to d_x if
// `accumulate`, else d_x is overwritten. d_x may be d_y (then without `accumulate`).
void sigmoid_backward(const float* y, const float* d_y, float* d_x, int64_t n, bool accumulate,
                      Stream stream);

}  // namespace cpu

namespace cuda {
// The same signatures, by construction.
decltype(cpu::sigmoid_forward) sigmoid_forward;
decltype(cpu::sigmoid_backward) sigmoid_backward;
}  // namespace cuda

}  // namespace burin
