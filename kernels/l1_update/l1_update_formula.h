// One element of l1_update: what both twins share.
//
// An optimiser gives u, the weight after its step, and its diagonal; a penalty acts on the gradient
// before, or on u after. The two are combined here and nowhere else.
#pragma once

#include <cmath>

#include "kernels/common/host_device.h"
#include "kernels/common/simd.h"
#include "kernels/l1_update/l1_update.h"

namespace burin {

// What a loop is compiled for. `general` has the formulas of every elementwise penalty in one, with
// coefficients that leave out what is not asked for; L1's proximal step has a loop of its own.
enum class PenaltyForm { none, prox, general };

// What one segment's elements share in one step. Momentum's constant D is in the numbers already.
struct UpdateCoefficients {
  PenaltyForm form;
  float step;             // lr, over 1 - beta1^t where m is corrected
  float threshold;        // before the division by D
  float fixed_threshold;  // not divided
  float shrink;           // elastic net's, before the division by D
  float subgradient;      // lambda, or 0
  float ridge;            // L2's lambda, or 0
  float kept;             // of the weight before the step: 1 - lr * (decay + decoupled L2)
  float decay1;           // of m
  float gain1;            // 1 - decay1
  float decay2;           // of v, and of Adadelta's a
  float gain2;            // 1 - decay2
  float scale2;           // 1 / (1 - beta2^t)
  float epsilon;
  // Of group lasso.
  float group;     // lr * lambda
  float diagonal;  // D where it is a constant
};

BURIN_HOST_DEVICE constexpr bool has_constant_diagonal(OptimizerKind kind) {
  return !has_v(kind);
}

BURIN_HOST_DEVICE void set_optimizer(const UpdateRule& rule, const UpdateScalars& scalars,
                                     UpdateCoefficients& c) {
  const float lr = scalars.learning_rate;
  c.step = lr;
  c.scale2 = 1.0f;
  c.diagonal = 1.0f;
  c.epsilon = rule.epsilon;
  switch (rule.optimizer) {
    case OptimizerKind::sgd:
      break;
    case OptimizerKind::momentum:
    case OptimizerKind::nesterov:
      c.decay1 = rule.momentum;
      c.diagonal = 1.0f - rule.momentum;
      break;
    case OptimizerKind::adagrad:
      break;
    case OptimizerKind::rmsprop:
    case OptimizerKind::adadelta:
      c.decay2 = rule.rho;
      c.gain2 = 1.0f - rule.rho;
      break;
    default:  // Adam's family
      c.step = lr / scalars.bias_correction1;
      c.decay1 = rule.beta1;
      c.gain1 = 1.0f - rule.beta1;
      c.decay2 = rule.beta2;
      c.gain2 = 1.0f - rule.beta2;
      c.scale2 = 1.0f / scalars.bias_correction2;
  }
}

BURIN_HOST_DEVICE void set_penalty(const UpdateRule& rule, float lr, float lambda,
                                   UpdateCoefficients& c) {
  c.form = PenaltyForm::none;
  if (rule.penalty == Penalty::group_lasso) c.group = lr * lambda;
  if (lambda == 0.0f || rule.penalty == Penalty::group_lasso) return;
  c.form = PenaltyForm::general;
  if (rule.penalty == Penalty::l2) {
    if (rule.l2_mode == L2Mode::coupled) c.ridge = lambda;
  } else if (rule.penalty == Penalty::elastic_net) {
    c.threshold = lr * (lambda * rule.l1_ratio) / c.diagonal;
    c.shrink = lr * (lambda * (1.0f - rule.l1_ratio)) / c.diagonal;
  } else if (rule.l1_mode == L1Mode::prox) {
    c.form = PenaltyForm::prox;
    c.threshold = lr * lambda / c.diagonal;
  } else if (rule.l1_mode == L1Mode::decoupled) {
    c.fixed_threshold = lr * lambda;
  } else {
    c.subgradient = lambda;
  }
}

BURIN_HOST_DEVICE UpdateCoefficients update_coefficients(const UpdateRule& rule,
                                                         const UpdateScalars& scalars,
                                                         const UpdateSegment& segment) {
  const float lr = scalars.learning_rate;
  const float lambda = segment.lambda * scalars.lambda_scale;
  UpdateCoefficients c{};
  set_optimizer(rule, scalars, c);
  set_penalty(rule, lr, lambda, c);
  const bool decays = rule.penalty == Penalty::l2 && rule.l2_mode == L2Mode::decoupled;
  const float decay = rule.optimizer == OptimizerKind::adamw ? segment.decay : 0.0f;
  c.kept = 1.0f - lr * (decay + (decays ? lambda : 0.0f));
  return c;
}

// sign(u) * max(|u| - threshold, 0), for threshold >= 0: +0 where |u| <= threshold, NaN where u is.
BURIN_HOST_DEVICE float soft_threshold(float u, float threshold) {
  const float shrunk = u < 0.0f ? u + threshold : u - threshold;
  return std::fabs(u) <= threshold ? 0.0f : shrunk;
}

// State of one weight; what the optimiser has none of is not used.
struct WeightState {
  float m = 0.0f;
  float v = 0.0f;
  float a = 0.0f;
};

struct Diagonal {
  float value;    // D
  float inverse;  // 1 / D; 1 where D is a constant, which is in the other numbers
};

// D of a state.
template <OptimizerKind kOptimizer>
BURIN_HOST_DEVICE float diagonal_of(const WeightState& s, const UpdateCoefficients& c) {
  if constexpr (has_constant_diagonal(kOptimizer)) {
    return c.diagonal;
  } else if constexpr (kOptimizer == OptimizerKind::adadelta) {
    return std::sqrt(s.v + c.epsilon) / std::sqrt(s.a + c.epsilon);
  } else if constexpr (kOptimizer == OptimizerKind::adagrad ||
                       kOptimizer == OptimizerKind::rmsprop) {
    return std::sqrt(s.v) + c.epsilon;
  } else if constexpr (kOptimizer == OptimizerKind::adamax) {
    return s.v + c.epsilon;
  } else if constexpr (kOptimizer == OptimizerKind::amsgrad) {
    return std::sqrt(s.a) + c.epsilon;
  } else {
    return std::sqrt(s.v * c.scale2) + c.epsilon;
  }
}

// The optimiser's state after a gradient.
template <OptimizerKind kOptimizer>
BURIN_HOST_DEVICE Diagonal advance_state(float g, WeightState& s, const UpdateCoefficients& c) {
  if constexpr (has_constant_diagonal(kOptimizer)) {
    if constexpr (has_m(kOptimizer)) s.m = c.decay1 * s.m + g;
    return {c.diagonal, 1.0f};
  }
  if constexpr (has_m(kOptimizer)) s.m = c.decay1 * s.m + c.gain1 * g;
  if constexpr (kOptimizer == OptimizerKind::adagrad) {
    s.v = s.v + g * g;
  } else if constexpr (kOptimizer == OptimizerKind::adamax) {
    const float before = c.decay2 * s.v;
    const float now = std::fabs(g);
    s.v = now > before ? now : before;
  } else {
    s.v = c.decay2 * s.v + c.gain2 * (g * g);
  }
  if constexpr (kOptimizer == OptimizerKind::adadelta) {
    const float of_steps = std::sqrt(s.a + c.epsilon);
    const float of_gradients = std::sqrt(s.v + c.epsilon);
    const float inverse = of_steps / of_gradients;
    const float moved = g * inverse;
    s.a = c.decay2 * s.a + c.gain2 * (moved * moved);
    return {of_gradients / of_steps, inverse};
  }
  if constexpr (kOptimizer == OptimizerKind::amsgrad) s.a = s.v > s.a ? s.v : s.a;
  const float diagonal = diagonal_of<kOptimizer>(s, c);
  return {diagonal, 1.0f / diagonal};
}

// u: the weight after the optimiser's step from its new state, and 1 / D.
template <OptimizerKind kOptimizer>
BURIN_HOST_DEVICE float moved_weight(float w, float g, const WeightState& s, float inverse,
                                     const UpdateCoefficients& c) {
  float direction = has_m(kOptimizer) ? s.m : g;
  if constexpr (kOptimizer == OptimizerKind::nesterov) direction = g + c.decay1 * s.m;
  if constexpr (kOptimizer == OptimizerKind::nadam) direction = c.decay1 * s.m + c.gain1 * g;
  if constexpr (kOptimizer == OptimizerKind::adamw) w *= c.kept;
  return w - c.step * direction * inverse;
}

// The new weight; s is overwritten. kForm = none is the plain optimiser, to the last bit (a
// threshold of 0 would turn -0 to +0).
template <OptimizerKind kOptimizer, PenaltyForm kForm>
BURIN_HOST_DEVICE float updated_weight(float w, float g, WeightState& s,
                                       const UpdateCoefficients& c) {
  if constexpr (kForm == PenaltyForm::general) {
    g += (w > 0.0f ? c.subgradient : (w < 0.0f ? -c.subgradient : 0.0f)) + c.ridge * w;
    if constexpr (kOptimizer != OptimizerKind::adamw) w *= c.kept;
  }
  const float inverse = advance_state<kOptimizer>(g, s, c).inverse;
  const float u = moved_weight<kOptimizer>(w, g, s, inverse, c);
  if constexpr (kForm == PenaltyForm::prox) {
    return soft_threshold(u, c.threshold * inverse);
  } else if constexpr (kForm == PenaltyForm::general) {
    return soft_threshold(u, c.threshold * inverse + c.fixed_threshold) /
           (1.0f + c.shrink * inverse);
  } else {
    return u;
  }
}

// f(an OptimizerTag of `kind`): what makes a loop for each optimiser out of one template.
template <OptimizerKind kOptimizer>
struct OptimizerTag {
  static constexpr OptimizerKind value = kOptimizer;
};
template <class F>
BURIN_ALWAYS_INLINE auto with_optimizer(OptimizerKind kind, const F& f) {
  switch (kind) {
    case OptimizerKind::sgd:
      return f(OptimizerTag<OptimizerKind::sgd>());
    case OptimizerKind::momentum:
      return f(OptimizerTag<OptimizerKind::momentum>());
    case OptimizerKind::nesterov:
      return f(OptimizerTag<OptimizerKind::nesterov>());
    case OptimizerKind::adagrad:
      return f(OptimizerTag<OptimizerKind::adagrad>());
    case OptimizerKind::rmsprop:
      return f(OptimizerTag<OptimizerKind::rmsprop>());
    case OptimizerKind::adadelta:
      return f(OptimizerTag<OptimizerKind::adadelta>());
    case OptimizerKind::adamw:
      return f(OptimizerTag<OptimizerKind::adamw>());
    case OptimizerKind::adamax:
      return f(OptimizerTag<OptimizerKind::adamax>());
    case OptimizerKind::nadam:
      return f(OptimizerTag<OptimizerKind::nadam>());
    case OptimizerKind::amsgrad:
      return f(OptimizerTag<OptimizerKind::amsgrad>());
    default:
      return f(OptimizerTag<OptimizerKind::adam>());
  }
}

// Group lasso: a row's D, from the sum of D^2 over its n elements, or the constant.
struct RowDiagonal {
  double value;
  float inverse;  // as in Diagonal
};
BURIN_HOST_DEVICE RowDiagonal row_diagonal(OptimizerKind optimizer, double diagonal_squares,
                                           double n, float constant) {
  if (has_constant_diagonal(optimizer)) return {static_cast<double>(constant), 1.0f};
  const double diagonal = std::sqrt(diagonal_squares / n);
  return {diagonal, static_cast<float>(1.0 / diagonal)};
}
// And the factor on it, from the sum of u^2.
BURIN_HOST_DEVICE float row_factor(double squares, double diagonal, double n, float group) {
  const double norm = std::sqrt(squares);
  const double threshold = static_cast<double>(group) * std::sqrt(n) / diagonal;
  return norm <= threshold ? 0.0f : static_cast<float>(1.0 - threshold / norm);
}

// A row's sums have kRowLanes partial sums, as a warp has threads: element j is added to sum
// j % kRowLanes, in the order of j, and then sum l + 16 to sum l, l + 8 to l, ... The bias is the
// row's last element.
inline constexpr int kRowLanes = 32;

}  // namespace burin
