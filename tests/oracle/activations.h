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

inline double tanh(double x) {
  return std::tanh(x);
}

}  // namespace burin::oracle
