// A parameter for tests of the tape: a value and its gradient, which begins as NaN.
#pragma once

#include <limits>
#include <vector>

#include "engine/autograd/tape.h"
#include "tests/support/kernel_case.h"

namespace burin::test {

inline constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

struct Leaf {
  Leaf(const Shape& s, uint32_t seed, double deviation = 1.0)
      : shape(s),
        value(random_values(s.elements(), deviation, seed)),
        gradient(value.size(), kNan) {}
  Tensor value_tensor() { return Tensor(value.data(), shape, Device::cpu); }
  Variable on(Tape& tape) {
    return tape.parameter(value_tensor(), Tensor(gradient.data(), shape, Device::cpu));
  }
  Variable frozen_on(Tape& tape) { return tape.constant(value_tensor()); }

  Shape shape;
  std::vector<float> value;
  std::vector<float> gradient;
};

}  // namespace burin::test
