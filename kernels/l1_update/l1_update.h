// Optimiser step and L1 penalty of all parameters in one pass, which also counts the zeros.
//
// With g the gradient of the smooth loss alone, m_hat the optimiser's direction and D its diagonal:
//   u = w - lr * m_hat / D
//   prox         w = sign(u) * max(|u| - lr * lambda / D, 0)
//                the proximal step in the metric D: its fixed points are stationary for
//                loss + lambda |w|_1 (Yun, Lozano & Yang 2021, ProxGen, Algorithm 1)
//   decoupled    w = sign(u) * max(|u| - lr * lambda, 0)
//                as AdamW treats L2: under Adam or momentum it minimises something else
//   subgradient  g = g + lambda * sign(w), sign(0) = 0, and then w = u: no exact zeros
// lambda enters g, m and v in the mode `subgradient` only.
//
//   sgd       m_hat = g, D = 1
//   momentum  m = mu m + g, w -= lr m       (heavy ball without damping; Ruder 2016, section 4.1)
//             As m grows to g / (1 - mu) under a constant g, this is m_hat = (1 - mu) m and
//             D = 1 - mu, and the threshold of `prox` is lr * lambda / (1 - mu). A threshold of
//             lr * lambda would balance m = g / (1 - mu) against lambda and so would find the
//             optimum for (1 - mu) * lambda.
//   adam      m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g^2,
//             m_hat = m / (1 - beta1^t), D = sqrt(v / (1 - beta2^t)) + epsilon
//             (Kingma & Ba 2015, Algorithm 1). A weight that never had a gradient has D = epsilon
//             and the threshold lr * lambda / epsilon: `prox` takes it in the first steps, as it
//             should, for the loss does not ask for it.
// docs/maths.md#l1_update
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/common/host_device.h"
#include "kernels/common/stream.h"

namespace burin {

enum class OptimizerKind { sgd, momentum, adam };
enum class L1Mode { prox, decoupled, subgradient };

// What stays the same from step to step. 0 <= momentum, beta1, beta2 < 1; epsilon >= 1e-30. What an
// optimiser has no use for is not read.
struct UpdateRule {
  OptimizerKind optimizer = OptimizerKind::adam;
  L1Mode l1_mode = L1Mode::prox;
  float momentum = 0.9f;
  float beta1 = 0.9f;
  float beta2 = 0.999f;
  float epsilon = 1e-8f;
};

// What changes from step to step. Read by pointer: on a GPU it lies in device memory, so that a
// captured graph can be replayed with new values.
struct UpdateScalars {
  float learning_rate;
  float bias_correction1;  // 1 - beta1^t; 1 unless Adam
  float bias_correction2;  // 1 - beta2^t; 1 unless Adam
};

// Those of step t = 1, 2, ... Computed in double.
UpdateScalars update_scalars(const UpdateRule& rule, float learning_rate, int64_t t);

// A layer's weight or bias: elements [begin, begin + count) of the flat buffers. lambda >= 0; 0
// means no penalty (biases).
struct UpdateSegment {
  int64_t begin;
  int64_t count;
  float lambda;
  bool keep_zeros = false;  // what is exactly zero stays so: the support is fixed
};

// Of one segment. Sums are in double; abs_sum is not multiplied by lambda.
struct SegmentStats {
  int64_t zeros;        // new weights that are exactly zero
  double abs_sum;       // sum of |w| of the new weights
  double grad_squares;  // sum of g^2 as given: of the smooth loss, in every mode
};

// What one segment's elements share in one step.
struct UpdateCoefficients {
  float step;       // lr; Adam: lr / (1 - beta1^t)
  float threshold;  // before the division by D; momentum's constant D is already in it
  float lambda;
  float decay1;  // of state1: mu, or beta1
  float gain1;   // 1 - beta1
  float decay2;  // beta2
  float gain2;   // 1 - beta2
  float scale2;  // 1 / (1 - beta2^t)
  float epsilon;
};

BURIN_HOST_DEVICE UpdateCoefficients update_coefficients(const UpdateRule& rule,
                                                         const UpdateScalars& scalars,
                                                         float lambda) {
  const float lr = scalars.learning_rate;
  UpdateCoefficients c{};
  c.lambda = lambda;
  c.step = lr;
  c.threshold = lr * lambda;
  if (rule.optimizer == OptimizerKind::momentum) {
    c.decay1 = rule.momentum;
    if (rule.l1_mode == L1Mode::prox) c.threshold = lr * lambda / (1.0f - rule.momentum);
  } else if (rule.optimizer == OptimizerKind::adam) {
    c.step = lr / scalars.bias_correction1;
    c.decay1 = rule.beta1;
    c.gain1 = 1.0f - rule.beta1;
    c.decay2 = rule.beta2;
    c.gain2 = 1.0f - rule.beta2;
    c.scale2 = 1.0f / scalars.bias_correction2;
    c.epsilon = rule.epsilon;
  }
  return c;
}

// sign(u) * max(|u| - threshold, 0), for threshold >= 0: +0 where |u| <= threshold, NaN where u is.
BURIN_HOST_DEVICE float soft_threshold(float u, float threshold) {
  const float shrunk = u < 0.0f ? u + threshold : u - threshold;
  return std::fabs(u) <= threshold ? 0.0f : shrunk;
}

// One element: the new weight; m and v are the optimiser's state, overwritten where it has one.
// kPenalised = false is the plain optimiser, to the last bit (a threshold of 0 would turn -0 to
// +0).
template <OptimizerKind kOptimizer, L1Mode kMode, bool kPenalised>
BURIN_HOST_DEVICE float updated_weight(float w, float g, float& m, float& v,
                                       const UpdateCoefficients& c) {
  if constexpr (kPenalised && kMode == L1Mode::subgradient) {
    g += w > 0.0f ? c.lambda : (w < 0.0f ? -c.lambda : 0.0f);
  }
  float u = 0.0f;
  float threshold = c.threshold;
  if constexpr (kOptimizer == OptimizerKind::sgd) {
    u = w - c.step * g;
  } else if constexpr (kOptimizer == OptimizerKind::momentum) {
    m = c.decay1 * m + g;
    u = w - c.step * m;
  } else {
    m = c.decay1 * m + c.gain1 * g;
    v = c.decay2 * v + c.gain2 * (g * g);
    const float inverse = 1.0f / (std::sqrt(v * c.scale2) + c.epsilon);  // 1 / D
    u = w - c.step * m * inverse;
    if constexpr (kMode == L1Mode::prox) threshold *= inverse;
  }
  if constexpr (kPenalised && kMode != L1Mode::subgradient) return soft_threshold(u, threshold);
  return u;
}

namespace cpu {

// Updates params, state1 and state2 in place, in every segment; what lies between segments is not
// touched. Segments do not overlap; they may come in any order and be empty.
//   params, grads  flat buffers; grads is only read
//   state1         momentum or Adam's m, zero before the first step; nullptr for sgd
//   state2         Adam's v, zero before the first step; nullptr unless Adam
//   elements       the sum of all segments' counts, for CUDA to size its grid by where the counts
//                  themselves lie on the device: another number costs time or changes the last bits
//                  of stats, never a weight
//   stats          [segment_count], overwritten; nullptr: not counted
// No two buffers overlap; no alignment is asked for.
// - Where the threshold takes a weight, it is +0. lambda == 0 gives the plain optimiser's bits in
//   every mode.
// - A NaN in g makes the weight NaN; an infinite g makes it NaN (adam) or infinite.
//   Adam squares g in single precision: |g| > 1e19 makes v infinite and stops the weight there;
//   grad_squares, which does not overflow, shows it.
// - The same bits for any thread count.
// CUDA: every pointer, segments, scalars and stats included, is to device memory.
void l1_update(float* params, const float* grads, float* state1, float* state2,
               const UpdateSegment* segments, int64_t segment_count, int64_t elements,
               const UpdateRule& rule, const UpdateScalars* scalars, SegmentStats* stats,
               Stream stream);

// The stats alone, those that an update leaves, from its new weights and its gradients:
// stats[segment_count] is overwritten, to the same bits. For a trainer that reads them once in many
// updates. The GPU counts within the update, while it waits for memory.
void segment_stats(const float* params, const float* grads, const UpdateSegment* segments,
                   int64_t segment_count, SegmentStats* stats);

}  // namespace cpu

namespace cuda {
// The same signature, by construction.
decltype(cpu::l1_update) l1_update;
}  // namespace cuda

}  // namespace burin
