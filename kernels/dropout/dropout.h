// Inverted dropout: each element is kept with probability 1 - rate and scaled, or set to zero.
//   y = keep ? x / (1 - rate) : 0        (Srivastava et al. 2014, section 10, scaled while
//   training)
// The mask is a function of the key: backward draws it again and nothing is saved.
//
// Sixteen bits an element suffice and halve the cost: element i takes half-word i % 8 of block
// i / 8 (word (i % 8) / 2, its low half for even i), up to 2^35 elements. `rate` is therefore
// rounded to a multiple of 2^-16, and the scale is that of the rounded rate, so that the mean of y
// is x. Rate 0 keeps everything, exactly.
// docs/maths.md#dropout
#pragma once

#include <cstdint>

#include "kernels/common/host_device.h"
#include "kernels/common/philox.h"
#include "kernels/common/stream.h"
#include "kernels/gemm/activation.h"

namespace burin {

// Elements whose half-word is below this are dropped: rate * 2^16, at most 2^16 - 1, so that a rate
// just below 1 still keeps a few.
BURIN_HOST_DEVICE uint32_t dropout_threshold(float rate) {
  const uint32_t threshold = static_cast<uint32_t>(rate * 65536.0f + 0.5f);
  return threshold < 65535u ? threshold : 65535u;
}

// 1 / (1 - rate) for the rate that the threshold stands for.
BURIN_HOST_DEVICE float dropout_scale(uint32_t threshold) {
  return 65536.0f / static_cast<float>(65536u - threshold);
}

BURIN_HOST_DEVICE float dropout(float x, uint32_t half_word, uint32_t threshold, float scale) {
  return half_word < threshold ? 0.0f : x * scale;
}

// Contract of both twins: n >= 0 elements, 0 <= rate < 1; the same bits for any thread count or
// block order.
namespace cpu {

// y[n] = dropout of x[n]. Overwrites y; y may be x. What is dropped is +0, whatever x was.
void dropout_forward(const float* x, float* y, int64_t n, float rate, RandomKey key, Stream stream);

// d_x[n] = dropout of d_y[n] with forward's mask (the same rate, and the same key at the same
// step): added to d_x if `accumulate`, else d_x is overwritten. d_x may be d_y.
void dropout_backward(const float* d_y, float* d_x, int64_t n, float rate, RandomKey key,
                      bool accumulate, Stream stream);

// d_x[n] = dropout of d_y[n] * activation'(x[n]), x being the output of `activation` that went into
// dropout_forward: the gradient of what went into the activation. Overwrites d_x; d_x may be d_y.
// `slope` is that of leaky_relu. The bits of dropout_backward, overwriting, and then the
// activation's backward in place; with Activation::none the former alone, and x, not read, may be
// null.
void dropout_activation_backward(const float* x, const float* d_y, float* d_x, int64_t n,
                                 float rate, Activation activation, float slope, RandomKey key,
                                 Stream stream);

}  // namespace cpu

namespace cuda {
// The same signatures, by construction.
decltype(cpu::dropout_forward) dropout_forward;
decltype(cpu::dropout_backward) dropout_backward;
decltype(cpu::dropout_activation_backward) dropout_activation_backward;
}  // namespace cuda

}  // namespace burin
