// Leaky rectified linear unit.
//   y = x for x > 0, slope * x otherwise      (Maas, Hannun & Ng 2013, section 2.1)
// docs/maths.md#leaky_relu
#pragma once

#include <cstdint>

#include "kernels/common/host_device.h"
#include "kernels/common/stream.h"

namespace burin {

BURIN_HOST_DEVICE float leaky_relu(float x, float slope) {
  return x > 0.0f ? x : slope * x;
}

// Derivative from the *output* y: for slope > 0, y and x have the same sign, so x need not be kept.
// At 0 the derivative is `slope`.
BURIN_HOST_DEVICE float leaky_relu_derivative(float y, float slope) {
  return y > 0.0f ? 1.0f : slope;
}

// Contract of both twins: n >= 0 elements, slope > 0; the same bits for any thread count or block
// order.
namespace cpu {

// y[n] = leaky_relu(x[n]). Overwrites y; y may be x.
void leaky_relu_forward(const float* x, float* y, int64_t n, float slope, Stream stream);

// d_x[n] = d_y[n] * derivative(y[n]): added to d_x if `accumulate`, else d_x is overwritten.
// d_x may be d_y.
void leaky_relu_backward(const float* y, const float* d_y, float* d_x, int64_t n, float slope,
                         bool accumulate, Stream stream);

}  // namespace cpu

namespace cuda {
// The same signatures, by construction.
decltype(cpu::leaky_relu_forward) leaky_relu_forward;
decltype(cpu::leaky_relu_backward) leaky_relu_backward;
}  // namespace cuda

}  // namespace burin
