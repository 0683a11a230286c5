// Activations and their derivatives as functions of the input x.
#pragma once

#include <cmath>

namespace burin::oracle {

inline double leaky_relu(double x, double slope) { return x > 0 ? x : slope * x; }

}  // namespace burin::oracle
