// One optimiser step of weights with their penalty, each formula from its paper, in double.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

namespace burin::oracle {

enum class L1Optimizer {
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
enum class L1Penalty { prox, decoupled, subgradient, l2_coupled, l2_decoupled, elastic_net, group };

struct L1Weight {
  double w = 0;
  double m = 0;
  double v = 0;
  double a = 0;
};

struct L1Setting {
  L1Optimizer optimizer;
  L1Penalty penalty;
  double learning_rate;
  double lambda;
  double mu = 0.9;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double rho = 0.9;
  double l1_ratio = 0.5;
  double decay = 0;  // AdamW's
};

// argmin_x (x - u)^2 / 2 + t |x|, by Moreau's decomposition: u less its projection onto [-t, t].
inline double l1_prox(double u, double t) {
  return u - std::clamp(u, -t, t);
}

// argmin_x (x - u)^2 / 2 + t |x| + s x^2 / 2: where u is on the far side of the kink the derivative
// x - u +- t + s x is zero, else x is 0.
inline double elastic_prox(double u, double t, double s) {
  if (u > t) return (u - t) / (1 + s);
  if (u < -t) return (u + t) / (1 + s);
  return 0;
}

// The optimiser's own step t = 1, 2, ... of a gradient: x.w and the state are overwritten. Returns
// the diagonal of x.w -= lr * direction / diagonal, in which a proximal step is taken.
inline double optimizer_step(const L1Setting& s, int t, double g, L1Weight& x) {
  const double lr = s.learning_rate;
  const auto corrected = [t](double average, double beta) {
    return average / (1 - std::pow(beta, t));
  };
  const auto average = [](double& of, double decay, double value) {
    of = decay * of + (1 - decay) * value;
  };
  switch (s.optimizer) {
    case L1Optimizer::sgd:
      x.w -= lr * g;
      return 1;
    case L1Optimizer::momentum:
      x.m = s.mu * x.m + g;
      x.w -= lr * x.m;
      return 1 - s.mu;
    case L1Optimizer::nesterov: {
      // In the variable of the point looked ahead to, y = w + mu (velocity), velocity = -lr m:
      // back to w, the velocity from the gradient at y, and on to the next y.
      const double w = x.w + lr * s.mu * x.m;
      x.m = s.mu * x.m + g;
      x.w = w - lr * x.m - lr * s.mu * x.m;
      return 1 - s.mu;
    }
    case L1Optimizer::adagrad: {
      x.v += g * g;
      const double diagonal = std::sqrt(x.v) + s.epsilon;
      x.w -= lr * g / diagonal;
      return diagonal;
    }
    case L1Optimizer::rmsprop: {
      average(x.v, s.rho, g * g);
      const double diagonal = std::sqrt(x.v) + s.epsilon;
      x.w -= lr * g / diagonal;
      return diagonal;
    }
    case L1Optimizer::adadelta: {
      average(x.v, s.rho, g * g);
      const double diagonal = std::sqrt((x.v + s.epsilon) / (x.a + s.epsilon));
      const double moved = g / diagonal;
      average(x.a, s.rho, moved * moved);
      x.w -= lr * moved;
      return diagonal;
    }
    case L1Optimizer::adamw:
      x.w -= lr * s.decay * x.w;
      [[fallthrough]];
    case L1Optimizer::adam: {
      average(x.m, s.beta1, g);
      average(x.v, s.beta2, g * g);
      const double diagonal = std::sqrt(corrected(x.v, s.beta2)) + s.epsilon;
      x.w -= lr * corrected(x.m, s.beta1) / diagonal;
      return diagonal;
    }
    case L1Optimizer::adamax: {
      average(x.m, s.beta1, g);
      x.v = std::max(s.beta2 * x.v, std::abs(g));
      const double diagonal = x.v + s.epsilon;
      x.w -= lr * corrected(x.m, s.beta1) / diagonal;
      return diagonal;
    }
    case L1Optimizer::nadam: {
      average(x.m, s.beta1, g);
      average(x.v, s.beta2, g * g);
      const double diagonal = std::sqrt(corrected(x.v, s.beta2)) + s.epsilon;
      const double ahead =
          s.beta1 * corrected(x.m, s.beta1) + corrected((1 - s.beta1) * g, s.beta1);
      x.w -= lr * ahead / diagonal;
      return diagonal;
    }
    case L1Optimizer::amsgrad: {
      average(x.m, s.beta1, g);
      average(x.v, s.beta2, g * g);
      x.a = std::max(x.a, x.v);
      const double diagonal = std::sqrt(x.a) + s.epsilon;
      x.w -= lr * x.m / diagonal;
      return diagonal;
    }
  }
  return 1;
}

// Step t = 1, 2, ... with the gradient g of the smooth loss, under an elementwise penalty.
inline void l1_step(const L1Setting& s, int t, double g, L1Weight& x) {
  const double lr = s.learning_rate;
  if (s.penalty == L1Penalty::subgradient) g += s.lambda * ((x.w > 0) - (x.w < 0));
  if (s.penalty == L1Penalty::l2_coupled) g += s.lambda * x.w;
  const double decayed = s.penalty == L1Penalty::l2_decoupled ? lr * s.lambda * x.w : 0;
  const double diagonal = optimizer_step(s, t, g, x);
  x.w -= decayed;
  if (s.lambda == 0) return;
  const double of_both = s.lambda * lr / diagonal;
  if (s.penalty == L1Penalty::prox) x.w = l1_prox(x.w, of_both);
  if (s.penalty == L1Penalty::decoupled) x.w = l1_prox(x.w, lr * s.lambda);
  if (s.penalty == L1Penalty::elastic_net) {
    x.w = elastic_prox(x.w, of_both * s.l1_ratio, of_both * (1 - s.l1_ratio));
  }
}

// The same of a row (its bias, if it has one, last: it does not decay) under group lasso. The row
// has one diagonal, D = sqrt(mean of D_i^2), for its step from w to u and for its proximal step:
// argmin_x of D |x - u|^2 / (2 lr) + lambda sqrt(n) |x| is u, shortened by lr lambda sqrt(n) / D.
// What `stays` is zero in u already. Without a penalty each element has its own diagonal.
inline void group_step(const L1Setting& s, int t, const std::vector<double>& g, bool has_bias,
                       const std::vector<bool>& stays, std::vector<L1Weight>& row) {
  const double n = double(row.size());
  double mean_square = 0;
  std::vector<double> kept, direction;
  for (size_t i = 0; i < row.size(); ++i) {
    L1Setting own = s;
    if (has_bias && i + 1 == row.size()) own.decay = 0;
    kept.push_back(row[i].w);
    if (s.optimizer == L1Optimizer::adamw) kept[i] *= 1 - s.learning_rate * own.decay;
    const double diagonal = optimizer_step(own, t, g[i], row[i]);
    direction.push_back((kept[i] - row[i].w) * diagonal);
    mean_square += diagonal * diagonal / n;
  }
  double norm = 0;
  for (size_t i = 0; i < row.size(); ++i) {
    if (s.lambda != 0) row[i].w = kept[i] - direction[i] / std::sqrt(mean_square);
    if (stays[i]) row[i].w = 0;
    norm = std::hypot(norm, row[i].w);
  }
  if (s.lambda == 0) return;
  const double shorter = s.learning_rate * s.lambda * std::sqrt(n) / std::sqrt(mean_square);
  for (L1Weight& x : row) x.w = norm > shorter ? x.w / norm * (norm - shorter) : 0.0;
}

}  // namespace burin::oracle
