// Matrix product and dense-layer epilogue, element by element.
#pragma once

#include <cmath>
#include <cstdint>

namespace burin::oracle {

struct GemmSum {
  double value = 0.0;
  double magnitude = 0.0;  // sum of |a| |b|: what rounding errors are proportional to
};

// sum over p < k of a(p) b(p), a product's element from its row of op(A) and column of op(B).
template <class A, class B>
GemmSum gemm_sum(int64_t k, const A& a, const B& b) {
  GemmSum sum;
  for (int64_t p = 0; p < k; ++p) {
    const double term = double{a(p)} * double{b(p)};
    sum.value += term;
    sum.magnitude += std::abs(term);
  }
  return sum;
}

// The activations by name: 'n' none, 'l' leaky rectifier, 's' logistic, 't' hyperbolic tangent.
inline double gemm_activation(char name, double x, double slope) {
  switch (name) {
    case 'l':
      return x > 0.0 ? x : slope * x;
    case 's':
      return 1.0 / (1.0 + std::exp(-x));
    case 't':
      return std::tanh(x);
    default:
      return x;
  }
}

// Their derivatives where the output is y, by way of the input that gave it.
inline double gemm_derivative(char name, double y, double slope) {
  switch (name) {
    case 'l':
      return y > 0.0 ? 1.0 : slope;
    case 's': {
      const double e = 1.0 / y - 1.0;  // e^-x; d/dx 1 / (1 + e^-x) = e^-x / (1 + e^-x)^2
      return e / ((1.0 + e) * (1.0 + e));
    }
    case 't': {
      const double x = std::atanh(y);
      return 1.0 / (std::cosh(x) * std::cosh(x));
    }
    default:
      return 1.0;
  }
}

}  // namespace burin::oracle
