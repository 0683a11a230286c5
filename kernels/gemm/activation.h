// The activations that a dense layer may fuse behind its matrix product, chosen at run time.
#pragma once

#include "kernels/common/host_device.h"
#include "kernels/common/math.h"
#include "kernels/leaky_relu/leaky_relu.h"
#include "kernels/sigmoid/sigmoid.h"
#include "kernels/tanh/tanh.h"

namespace burin {

enum class Activation { none, leaky_relu, sigmoid, tanh };

// y = activation(x); `slope` is used by leaky_relu alone.
BURIN_HOST_DEVICE float apply_activation(Activation activation, float x, float slope) {
  switch (activation) {
    case Activation::leaky_relu:
      return leaky_relu(x, slope);
    case Activation::sigmoid:
      return math::sigmoid(x);
    case Activation::tanh:
      return math::tanh(x);
    case Activation::none:
      break;
  }
  return x;
}

// d activation / d x from the *output* y, as in the activations' own rooms.
BURIN_HOST_DEVICE float activation_derivative(Activation activation, float y, float slope) {
  switch (activation) {
    case Activation::leaky_relu:
      return leaky_relu_derivative(y, slope);
    case Activation::sigmoid:
      return sigmoid_derivative(y);
    case Activation::tanh:
      return tanh_derivative(y);
    case Activation::none:
      break;
  }
  return 1.0f;
}

}  // namespace burin
