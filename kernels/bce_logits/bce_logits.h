// Binary cross entropy of logits, value and gradient in one pass. With s = sigmoid(x):
//   loss(x, t) = -t log s - (1 - t) log(1 - s) = max(x, 0) - t x + log(1 + e^-|x|)
//   d loss / d x = s - t
// The discriminator's loss of Goodfellow et al. 2014 (equation 1) and the Bernoulli decoder's of
// Kingma & Welling 2013 (appendix C.1), in the form that needs no log of a rounded sigmoid.
// docs/maths.md#bce_logits
#pragma once

#include <cstdint>

#include "kernels/common/host_device.h"
#include "kernels/common/math.h"
#include "kernels/common/stream.h"

namespace burin {

// max(x, 0) - t x. The terms that cancel for a right answer (logit > 0, target 1) are taken first:
// what is left of the loss is then the small logarithm, unrounded.
BURIN_HOST_DEVICE float bce_logits_linear(float logit, float target) {
  return std::fma(-logit, target, logit > 0.0f ? logit : 0.0f);
}

// `e` is e^-|logit|, which value and gradient share.
BURIN_HOST_DEVICE float bce_logits_value(float logit, float target, float e) {
  return bce_logits_linear(logit, target) + math::log1p_unit(e);
}

BURIN_HOST_DEVICE float bce_logits_derivative(float logit, float target, float e) {
  // sigmoid = (1 or e) / (1 + e).
  return (logit < 0.0f ? e : 1.0f) / (1.0f + e) - target;
}

// Contract of both twins: finite logits; targets usually in [0, 1] (any finite value is taken);
// sums in a fixed order, so the same bits for any thread count or block order.
namespace cpu {

// *loss = scale * sum over n of loss(logits[i], target[i]);
// d_logits[n] = scale * (sigmoid(logits) - target).
// Overwrites both. d_logits may be nullptr (value only) or logits. `scale` carries the reduction
// (1 / batch) and the sign: negative for the minimax generator loss. n = 0 gives 0.
void bce_logits(const float* logits, const float* target, int64_t n, float scale, float* loss,
                float* d_logits, Stream stream);

// row_loss[rows] = sum over a row of loss(logits[rows, cols], target), unscaled: minus the
// log-likelihood of each row under a Bernoulli decoder. Each row of target[rows / repeats, cols] is
// that of `repeats` rows, one after the other; rows is a multiple of repeats >= 1. Overwrites
// row_loss. A row's sum does not depend on the other rows nor on their number.
void bce_logits_rows(const float* logits, const float* target, int64_t rows, int64_t cols,
                     int64_t repeats, float* row_loss, Stream stream);

// The gradient of sum over the rows of weights[rows] * row_loss, with row_loss as above:
// d_logits[rows, cols] = weights * (sigmoid(logits) - target), overwritten; it may be logits.
void bce_logits_rows_backward(const float* logits, const float* target, const float* weights,
                              int64_t rows, int64_t cols, int64_t repeats, float* d_logits,
                              Stream stream);

}  // namespace cpu

namespace cuda {
// The same signatures, by construction.
decltype(cpu::bce_logits) bce_logits;
decltype(cpu::bce_logits_rows) bce_logits_rows;
decltype(cpu::bce_logits_rows_backward) bce_logits_rows_backward;
}  // namespace cuda

}  // namespace burin
