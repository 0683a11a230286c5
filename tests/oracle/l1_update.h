// One optimiser step of one weight with its L1 penalty.
#pragma once

#include <algorithm>
#include <cmath>

namespace burin::oracle {

enum class L1Optimizer { sgd, momentum, adam };
enum class L1Penalty { prox, decoupled, subgradient };

struct L1Weight {
  double w = 0;
  double m = 0;
  double v = 0;
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
};

// argmin_x (x - u)^2 / 2 + t |x|, by Moreau's decomposition: u less its projection onto [-t, t].
inline double l1_prox(double u, double t) {
  return u - std::clamp(u, -t, t);
}

// Step t = 1, 2, ... with the gradient g of the smooth loss. Every optimiser is written as
// direction over diagonal, u = w - lr * direction / diagonal, and the proximal step uses the same
// diagonal.
inline void l1_step(const L1Setting& s, int t, double g, L1Weight& x) {
  if (s.penalty == L1Penalty::subgradient) g += s.lambda * ((x.w > 0) - (x.w < 0));
  double direction = g;
  double diagonal = 1;
  if (s.optimizer == L1Optimizer::momentum) {
    x.m = s.mu * x.m + g;
    direction = (1 - s.mu) * x.m;
    diagonal = 1 - s.mu;
  } else if (s.optimizer == L1Optimizer::adam) {
    x.m = s.beta1 * x.m + (1 - s.beta1) * g;
    x.v = s.beta2 * x.v + (1 - s.beta2) * g * g;
    direction = x.m / (1 - std::pow(s.beta1, t));
    diagonal = std::sqrt(x.v / (1 - std::pow(s.beta2, t))) + s.epsilon;
  }
  x.w -= s.learning_rate * direction / diagonal;
  if (s.penalty == L1Penalty::prox) x.w = l1_prox(x.w, s.learning_rate * s.lambda / diagonal);
  if (s.penalty == L1Penalty::decoupled) x.w = l1_prox(x.w, s.learning_rate * s.lambda);
}

}  // namespace burin::oracle
