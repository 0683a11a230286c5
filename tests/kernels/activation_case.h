// What every activation's room must do; its case gives the launchers, the oracle and the
// tolerances.
#pragma once

#include "tests/support/room_case.h"

namespace burin::test {

// Declares forward(x, y, n) and backward(y, d_y, d_x, n, accumulate).
//   ulps             of the forward: what kernels/common/math.h promises
//   derivative_ulps  of 1, absolute: y is rounded, and a derivative near a bound has only what is
//                    left between y and the bound
//   kink             |x| below this is not differentiated
struct ActivationCase {
  std::string name;
  Run forward, backward;
  std::function<double(double)> value, derivative;
  double ulps, derivative_ulps, kink = 0.0;
};

inline bool declare_activation(const ActivationCase& a) {
  const auto value = a.value, derivative = a.derivative;
  const double ulps = a.ulps, derivative_ulps = a.derivative_ulps;
  declare({
      .name = a.name + "/forward",
      .arguments = {input("x", normal(3.0)), output("y").oracle([=](const Host& x, int64_t i) {
                      const double y = value(x[0][i]);
                      return Want{y, y == 0 ? 0 : ulps};  // -0 stays -0
                    })},
      .run = a.forward,
      .in_place = {{{1, 0}}},
  });
  return declare({
      .name = a.name + "/backward",
      .arguments = {hidden("x", normal(2.0)), input("y", each([=](const Host& x, int64_t i) {
                                                      return float(value(x[0][i]));
                                                    })),
                    input("d_y", normal(1.0, true)),
                    accumulated("d_x")
                        .oracle([=](const Host& x, int64_t i) {
                          const double d_y = x[2][i];
                          return Want{d_y * derivative(x[0][i]), derivative_ulps, std::abs(d_y)};
                        })
                        .derivative_of(
                            [=](const Host& x, int64_t i, double v) { return x[2][i] * value(v); },
                            0, a.kink)},
      .run = a.backward,
      .in_place = {{{3, 2}}},
  });
}

}  // namespace burin::test
