// Hyperbolic tangent.
//   y = tanh(x)       dy/dx = 1 - y^2
// docs/maths.md#tanh
#pragma once

#include <cstdint>

#include "kernels/common/host_device.h"
#include "kernels/common/math.h"
#include "kernels/common/stream.h"

namespace burin {

// The formula is math::tanh. Derivative from the output y; the product keeps what 1 - y * y would
// lose near |y| = 1.
BURIN_HOST_DEVICE float tanh_derivative(float y) {
  return (1.0f - y) * (1.0f + y);
}

// Contract of both twins: n >= 0 elements; the same bits for any thread count or block order.
namespace cpu {

// y[n] = tanh(x[n]). Overwrites y; y may be x.
void tanh_forward(const float* x, float* y, int64_t n, Stream stream);

// d_x[n] = d_y[n] * (1 - y[n]^2), y being the output of tanh_forward: added to d_x if `accumulate`,
// else d_x is overwritten. d_x may be d_y (then without `accumulate`).
void tanh_backward(const float* y, const float* d_y, float* d_x, int64_t n, bool accumulate,
                   Stream stream);

}  // namespace cpu

namespace cuda {
// The same signatures, by construction.
decltype(cpu::tanh_forward) tanh_forward;
decltype(cpu::tanh_backward) tanh_backward;
}  // namespace cuda

}  // namespace burin
