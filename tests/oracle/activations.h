// Activations and their derivatives as functions of the input x.
#pragma once

#include <cmath>

namespace burin::oracle {

inline double leaky_relu(double x, double slope) {
  return x > 0 ? x : slope * x;
}

inline double sigmoid(double x) {
  return 1.0 / (1.0 + std::exp(-x));
}

// s(x) s(-x), without the cancellation of 1 - s.
inline double sigmoid_derivative(double x) {
  return sigmoid(x) * sigmoid(-x);
}

inline double tanh(double x) {
  return std::tanh(x);
}

inline double tanh_derivative(double x) {
  const double c = std::cosh(x);
  return 1.0 / (c * c);
}

}  // namespace burin::oracle
