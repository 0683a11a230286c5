// Gradients of the tape against central differences: of the same computation in single precision,
// and of an independent one in double.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "engine/autograd/tape.h"
#include "engine/backend/memory.h"
#include "tests/support/kernel_case.h"

namespace burin::test {

// An input of the function under test, which becomes a parameter of the tape.
struct GradientInput {
  Shape shape;
  std::vector<float> values;
};

inline GradientInput random_input(const Shape& shape, double deviation = 1.0, uint32_t seed = 1) {
  return {shape, random_values(shape.elements(), deviation, seed)};
}

// A scalar loss of the inputs, recorded on the tape.
using TapeLoss = std::function<Variable(Tape&, const std::vector<Variable>&)>;
// The same loss in double, written from the oracle.
using DoubleLoss = std::function<double(const std::vector<std::vector<double>>&)>;

struct GradientResult {
  float loss = 0;
  std::vector<std::vector<float>> gradients;
};

// Gradient buffers start as NaN: an element that backward() leaves unwritten is seen.
inline GradientResult tape_gradients(const TapeLoss& loss,
                                     const std::vector<GradientInput>& inputs) {
  Tape tape(Device::cpu);
  std::vector<std::vector<float>> values;
  for (const GradientInput& input : inputs) values.push_back(input.values);
  GradientResult result;
  for (const GradientInput& input : inputs) {
    result.gradients.emplace_back(input.values.size(), std::numeric_limits<float>::quiet_NaN());
  }
  std::vector<Variable> variables;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Shape& shape = inputs[i].shape;
    variables.push_back(tape.parameter(Tensor(values[i].data(), shape, Device::cpu),
                                       Tensor(result.gradients[i].data(), shape, Device::cpu)));
  }
  const Variable output = loss(tape, variables);
  result.loss = output.value().item();
  tape.backward(output);
  for (size_t i = 0; i < inputs.size(); ++i) {
    EXPECT_EQ(values[i], inputs[i].values) << "input " << i << " was written to";
  }
  return result;
}

// The value alone.
inline double tape_value(const TapeLoss& loss, const std::vector<GradientInput>& inputs) {
  Tape tape(Device::cpu);
  std::vector<Variable> variables;
  for (const GradientInput& input : inputs) {
    const Tensor value = tape.temporary(input.shape);
    value.set(input.values);
    variables.push_back(tape.constant(value));
  }
  return double{loss(tape, variables).value().item()};
}

struct DifferenceOptions {
  // Size of the terms that the loss is summed from: its rounding errors are proportional to it.
  double magnitude = 1.0;
  // Bound of the loss's third derivative over 6, along one input.
  double curvature = 1.0;
  // The function has kinks: elements are left out where the slopes to both sides disagree, at most
  // one in five.
  bool kinked = false;
};

// Central differences in single precision. With step h, rounding errs by about epsilon * magnitude
// / h and the step by curvature * h^2: h = cbrt(epsilon) balances them, both being epsilon^(2/3).
inline void check_gradient_by_differences(const TapeLoss& loss,
                                          const std::vector<GradientInput>& inputs,
                                          const DifferenceOptions& options = {}) {
  constexpr double kRoundings = 4.0;  // a few units in the last place of each of two losses
  const GradientResult result = tape_gradients(loss, inputs);
  const double h = std::cbrt(kEpsilon);
  const double magnitude = std::max(options.magnitude, std::abs(double{result.loss}));
  const double tolerance = h * h * (kRoundings * magnitude + options.curvature);
  std::vector<GradientInput> moved = inputs;
  for (size_t i = 0; i < inputs.size(); ++i) {
    size_t left_out = 0;
    double largest = 0;
    for (size_t j = 0; j < inputs[i].values.size(); ++j) {
      const float x = inputs[i].values[j];
      const float right = x + static_cast<float>(h);
      const float left = x - static_cast<float>(h);
      moved[i].values[j] = right;
      const double above = tape_value(loss, moved);
      moved[i].values[j] = left;
      const double below = tape_value(loss, moved);
      moved[i].values[j] = x;
      if (options.kinked) {
        const double middle = double{result.loss};
        const double slope_right = (above - middle) / (double{right} - double{x});
        const double slope_left = (middle - below) / (double{x} - double{left});
        if (std::abs(slope_right - slope_left) > 4.0 * (tolerance + options.curvature * h)) {
          ++left_out;
          continue;
        }
      }
      const double expected = (above - below) / (double{right} - double{left});
      const double actual = double{result.gradients[i][j]};
      EXPECT_LE(std::abs(actual - expected), tolerance)
          << "input " << i << ", element " << j << ": " << actual << " instead of " << expected;
      largest = std::max(largest, std::abs(expected));
    }
    EXPECT_LE(5 * left_out, inputs[i].values.size()) << "input " << i << ": too many kinks";
    // Else zeros would pass for a gradient.
    EXPECT_GT(largest, 8.0 * tolerance) << "input " << i << ": nothing was tested";
  }
}

// Central differences of `reference`, a computation in double: their own error is far below single
// precision. Gradient elements may err by `roundings` (the additions that they went through) times
// epsilon, in units of the largest element of that input's gradient.
inline void check_gradient_by_reference(const TapeLoss& loss, const DoubleLoss& reference,
                                        const std::vector<GradientInput>& inputs,
                                        double roundings) {
  const GradientResult result = tape_gradients(loss, inputs);
  std::vector<std::vector<double>> values;
  for (const GradientInput& input : inputs) {
    values.emplace_back(input.values.begin(), input.values.end());
  }
  const double expected_loss = reference(values);
  expect_close(double{result.loss}, expected_loss, roundings, 0.0, "loss");
  const double h = std::cbrt(std::numeric_limits<double>::epsilon());
  for (size_t i = 0; i < inputs.size(); ++i) {
    std::vector<double> expected;
    for (double& x : values[i]) {
      const double before = x;
      x = before + h;
      const double above = reference(values);
      x = before - h;
      const double below = reference(values);
      x = before;
      expected.push_back((above - below) / (2.0 * h));
    }
    double largest = 0;
    for (const double g : expected) largest = std::max(largest, std::abs(g));
    EXPECT_GT(largest, 0.0) << "input " << i << ": nothing was tested";
    for (size_t j = 0; j < expected.size(); ++j) {
      const std::string what = "input " + std::to_string(i) + ", element " + std::to_string(j);
      expect_close(double{result.gradients[i][j]}, expected[j], roundings, largest, what.c_str());
    }
  }
}

}  // namespace burin::test
