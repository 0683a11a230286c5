// The end of a discriminator in one launch: its last layer, which has one output, the cross entropy
// of that logit, and the gradients of the logit and of what went into the layer. With x[row] the
// layer's input, itself the output of `activation`, and s = sigmoid:
//   logit   = x . w + bias
//   loss    = scale * sum over rows of -t log s(logit) - (1 - t) log(1 - s(logit))
//   d_logit = scale * (s(logit) - t) + l1_scale * sign(logit)
//   d_x     = d_logit * w * activation'(x)
// Goodfellow et al. 2014 (equation 1), and the chain rule. Nothing here is new: to the bit it is
// gemm, bce_logits, l1_activity_backward and gemm (kernels/ of these names), of which each launch
// would read again what the one before wrote.
// docs/maths.md#logistic_loss
#pragma once

#include <cstdint>

#include "kernels/common/stream.h"
#include "kernels/gemm/activation.h"

namespace burin {

// A dense layer of one output on a batch, and what the output should be. rows, k >= 0.
struct LogisticLayer {
  const float* x;        // [rows, k]
  const float* w;        // [k]
  const float* bias;     // [1]
  const float* targets;  // [rows], usually in [0, 1]
  int64_t rows, k;
  // That made x, so that d_x is the gradient of what went into it; none where something stands
  // between, a dropout or the data.
  Activation activation = Activation::none;
  float slope = 0.2f;  // of leaky_relu, > 0
};

namespace cpu {

using burin::LogisticLayer;

// Overwrites
//   logits    [rows]
//   loss      [1]; without the L1 term. `scale` carries the reduction and the sign, as in
//             bce_logits. rows = 0 gives 0, and the layer's pointers may be null.
//   d_logits  [rows], the l1 term first and the other added to it; l1_scale = 0 adds no term.
//             nullptr, together with d_x: not wanted
//   d_x       [rows, k]; nullptr: not wanted
// No two buffers overlap; no alignment is asked for. The same bits for any thread count or block
// order, and on both twins but for the last bit of loss and the payload of a NaN:
//   logits    gemm(false, true, rows, 1, k, ...) with the bias
//   loss      as bce_logits: summed in double, in a fixed order, and rounded once. On the CPU its
//             bits; on CUDA the order is another, which may change the last bit
//   d_logits  bce_logits, and l1_activity_backward
//   d_x       gemm(false, false, rows, k, 1, d_logits, w) with derivative_output = x
// The gradients of w and bias are the caller's: one product of d_logits and x. Allocates nothing.
void logistic_loss(const LogisticLayer& layer, float scale, float l1_scale, float* logits,
                   float* loss, float* d_logits, float* d_x, Stream stream);

}  // namespace cpu

namespace cuda {
// The same signature, by construction.
decltype(cpu::logistic_loss) logistic_loss;
}  // namespace cuda

}  // namespace burin
