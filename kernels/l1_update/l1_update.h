// Optimiser step and penalty on the weights of all parameters in one pass, which also counts the
// zeros.
//
// With g the gradient of the smooth loss alone, m_hat the optimiser's direction and D its diagonal:
//   u = w - lr * m_hat / D
// and then a penalty, of strength lambda:
//   l1           lambda |w|_1, in three modes
//     prox         w = sign(u) * max(|u| - lr * lambda / D, 0)
//                  the proximal step in the metric D: its fixed points are stationary for
//                  loss + lambda |w|_1 (Yun, Lozano & Yang 2021, ProxGen, Algorithm 1)
//     decoupled    w = sign(u) * max(|u| - lr * lambda, 0)
//                  as AdamW treats L2: under Adam or momentum it minimises something else
//     subgradient  g = g + lambda * sign(w), sign(0) = 0, and then w = u: no exact zeros
//   l2           lambda/2 |w|^2, in two modes; no exact zeros
//     coupled      g = g + lambda * w, and then w = u
//     decoupled    w = (1 - lr * lambda) * w before the step (Loshchilov & Hutter 2019, AdamW,
//                  Algorithm 2; with SGD, Algorithm 1): not the minimum of loss + penalty
//   elastic_net  lambda (r |w|_1 + (1 - r)/2 |w|^2), r = l1_ratio (Zou & Hastie 2005; the mixture
//                of Friedman, Hastie & Tibshirani 2010). The proximal step of both (Parikh & Boyd
//                2014, section 6.5):
//                w = sign(u) * max(|u| - lr * lambda * r / D, 0) / (1 + lr * lambda * (1 - r) / D)
//   group_lasso  lambda sum over rows of sqrt(n) |w_row|_2, a row being what comes into one neuron,
//                its bias included: n elements (Yuan & Lin 2006). The row has one diagonal, D_row,
//                the root of the mean of D^2 over it, so that the proximal step has a closed form:
//                u = w - lr * m_hat / D_row
//                w = max(0, 1 - lr * lambda * sqrt(n) / (D_row * |u|)) * u
//                Were u made with each element's D, a fixed point would not be stationary.
// lambda enters g, m and v in `subgradient` and `coupled` only.
//
// Directions and diagonals; t = 1, 2, ...; corrected: divided by 1 - beta^t of its beta.
//   sgd       m_hat = g, D = 1
//   momentum  m = mu m + g, w -= lr m       (heavy ball without damping; Ruder 2016, section 4.1)
//             As m grows to g / (1 - mu) under a constant g, this is m_hat = (1 - mu) m and
//             D = 1 - mu, and the threshold of `prox` is lr * lambda / (1 - mu). A threshold of
//             lr * lambda would balance m = g / (1 - mu) against lambda and so would find the
//             optimum for (1 - mu) * lambda.
//   nesterov  m = mu m + g, w -= lr (g + mu m): at the point looked ahead to (Bengio et al. 2013,
//             arXiv 1212.0901, section 3.5, with a constant mu). D = 1 - mu as for momentum.
//   adagrad   v = v + g^2, m_hat = g, D = sqrt(v) + epsilon  (Duchi, Hazan & Singer 2011,
//             whose composite mirror descent is `prox`; Ruder, section 4.3)
//   rmsprop   v = rho v + (1 - rho) g^2, m_hat = g, D = sqrt(v) + epsilon   (Ruder, section 4.5)
//   adadelta  v as RMSprop's, D = sqrt(v + epsilon) / sqrt(a + epsilon), m_hat = g, and then
//             a = rho a + (1 - rho) (g / D)^2: of the step without lr and penalty
//             (Zeiler 2012, Algorithm 1, where lr = 1)
//   adam      m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g^2,
//             m_hat = m corrected, D = sqrt(v corrected) + epsilon
//             (Kingma & Ba 2015, Algorithm 1). A weight that never had a gradient has D = epsilon
//             and the threshold lr * lambda / epsilon: `prox` takes it in the first steps, as it
//             should, for the loss does not ask for it. So it is with each D that sums gradients.
//   adamw     Adam, with w = (1 - lr * decay) * w before the step, decay being the segment's;
//             a penalty is apart from that (Loshchilov & Hutter 2019, Algorithm 2)
//   adamax    m as Adam's, v = max(beta2 v, |g|), m_hat = m corrected, D = v + epsilon
//             (Kingma & Ba 2015, Algorithm 2, which has no epsilon)
//   nadam     m, v and D as Adam's, m_hat = beta1 m + (1 - beta1) g, corrected
//             (Dozat 2016, with a constant beta1: Ruder, section 4.8)
//   amsgrad   m and v as Adam's, a = max(a, v), m_hat = m, D = sqrt(a) + epsilon, not corrected
//             (Reddi, Kale & Kumar 2018, Algorithm 2; epsilon as in Adam)
// docs/maths.md#l1_update
#pragma once

#include <cstdint>

#include "kernels/common/host_device.h"
#include "kernels/common/stream.h"

namespace burin {

enum class OptimizerKind {
  sgd,
  momentum,
  adam,
  nesterov,
  adagrad,
  rmsprop,
  adadelta,
  adamw,
  adamax,
  nadam,
  amsgrad
};
enum class Penalty { l1, l2, elastic_net, group_lasso };
enum class L1Mode { prox, decoupled, subgradient };
enum class L2Mode { coupled, decoupled };

// State that an optimiser has, a float for each weight, zero before the first step.
BURIN_HOST_DEVICE constexpr bool has_m(OptimizerKind kind) {
  return kind != OptimizerKind::sgd && kind != OptimizerKind::adagrad &&
         kind != OptimizerKind::rmsprop && kind != OptimizerKind::adadelta;
}
BURIN_HOST_DEVICE constexpr bool has_v(OptimizerKind kind) {
  return kind != OptimizerKind::sgd && kind != OptimizerKind::momentum &&
         kind != OptimizerKind::nesterov;
}
BURIN_HOST_DEVICE constexpr bool has_a(OptimizerKind kind) {
  return kind == OptimizerKind::adadelta || kind == OptimizerKind::amsgrad;
}

// What stays the same from step to step. 0 <= momentum, beta1, beta2, rho < 1; 0 <= l1_ratio <= 1;
// epsilon >= 1e-30. What an optimiser or a penalty has no use for is not read.
struct UpdateRule {
  OptimizerKind optimizer = OptimizerKind::adam;
  Penalty penalty = Penalty::l1;
  L1Mode l1_mode = L1Mode::prox;
  L2Mode l2_mode = L2Mode::coupled;
  float l1_ratio = 0.5f;
  float momentum = 0.9f;
  float beta1 = 0.9f;
  float beta2 = 0.999f;
  float rho = 0.9f;
  float epsilon = 1e-8f;
};

// What changes from step to step. Read by pointer: on a GPU it lies in device memory, so that a
// captured graph can be replayed with new values.
struct UpdateScalars {
  float learning_rate;
  float bias_correction1;     // 1 - beta1^t; 1 where nothing is corrected by it
  float bias_correction2;     // 1 - beta2^t; the same
  float lambda_scale = 1.0f;  // every segment's lambda is multiplied by it, >= 0
};

// Those of step t = 1, 2, ... Computed in double.
UpdateScalars update_scalars(const UpdateRule& rule, float learning_rate, int64_t t);

// D of a weight with this state, after many steps: nothing is corrected.
float update_diagonal(const UpdateRule& rule, float v, float a);

// A layer's weight or bias: elements [begin, begin + count) of the flat buffers. lambda >= 0; 0
// means no penalty (biases).
struct UpdateSegment {
  int64_t begin;
  int64_t count;
  float lambda;
  bool keep_zeros = false;  // what is exactly zero stays so: the support is fixed
  float decay = 0.0f;       // of adamw, >= 0
  // The rest is read under group_lasso alone. A layer's weight has count / row rows of `row`
  // elements; their biases begin at `bias` (< 0: it has none), and their segment has in_rows set:
  // it is updated with the rows, with the weight's lambda and keep_zeros. (A bias that is zero is
  // kept so if its row is all zeros too.) Segments without rows have no penalty.
  bool in_rows = false;
  int64_t row = 0;
  int64_t bias = -1;
};

// Of one segment. Sums are in double; abs_sum is not multiplied by lambda.
struct SegmentStats {
  int64_t zeros;        // new weights that are exactly zero
  double abs_sum;       // sum of |w| of the new weights
  double grad_squares;  // sum of g^2 as given: of the smooth loss, in every mode
};

namespace cpu {

// Updates params and states in place, in every segment; what lies between segments is not touched.
// Segments do not overlap; they may come in any order and be empty.
//   params, grads  flat buffers; grads is only read
//   m, v, a        state, flat, zero before the first step; nullptr where the optimiser has none
//   elements       the sum of all segments' counts, for CUDA to size its grid by where the counts
//                  themselves lie on the device: another number costs time or changes the last bits
//                  of stats, never a weight
//   stats          [segment_count], overwritten; nullptr: not counted
// No two buffers overlap; no alignment is asked for.
// - Where the threshold takes a weight, it is +0. lambda == 0 gives the plain optimiser's bits
//   under every penalty.
// - A NaN in g makes the weight NaN, under group_lasso with lambda > 0 its whole row; an infinite g
//   makes it NaN (where there is v) or infinite.
//   Where g is squared in single precision |g| > 1e19 makes v infinite and stops the weight there,
//   for ever where v does not forget (adagrad); grad_squares, which does not overflow, shows it.
// - The same bits for any thread count, and of weights and states for both twins.
// CUDA: every pointer, segments, scalars and stats included, is to device memory.
void l1_update(float* params, const float* grads, float* m, float* v, float* a,
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
