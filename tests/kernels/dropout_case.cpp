#include "kernels/dropout/dropout.h"

#include "tests/kernels/random_case.h"
#include "tests/support/room_case.h"

namespace burin::test::dropout_case {
namespace {

bool declare_with(const std::string& name, float rate) {
  return declare({
             .name = "dropout/forward" + name,
             .arguments = {input("x"), step_argument(),
                           output("y").oracle([=](const Host& x, int64_t i) {
                             // Two roundings.
                             return Want{oracle::dropout(x[0][i], kDraw, i, rate), 1};
                           })},
             .run = call(BURIN_TWINS(dropout_forward),
                         [=](auto* forward, const Call& c) {
                           forward(c[0], c[2], c.n(), rate, key_at(c[1]), {});
                         }),
             .in_place = {{{2, 0}}},
         }) &&
         declare({
             .name = "dropout/backward" + name,
             .arguments = {hidden("x", normal(1.0, true)), input("d_y"), step_argument(),
                           accumulated("d_x")
                               .oracle([=](const Host& x, int64_t i) {
                                 return Want{oracle::dropout(x[1][i], kDraw, i, rate), 1};
                               })
                               .derivative_of(
                                   [=](const Host& x, int64_t i, double v) {
                                     return x[1][i] * oracle::dropout(v, kDraw, i, rate);
                                   },
                                   0)},
             .run = call(BURIN_TWINS(dropout_backward),
                         [=](auto* backward, const Call& c) {
                           backward(c[1], c[3], c.n(), rate, key_at(c[2]), c.accumulate, {});
                         }),
             .in_place = {{{3, 1}}},
         });
}

constexpr float kSlope = 0.2f;

double derivative(Activation activation, double x) {
  switch (activation) {
    case Activation::leaky_relu:
      return x > 0 ? 1.0 : double{kSlope};
    case Activation::sigmoid:
      return oracle::sigmoid_derivative(x);
    case Activation::tanh:
      return oracle::tanh_derivative(x);
    case Activation::none:
      break;
  }
  return 1.0;
}

// `letter` is the activation's in oracle::gemm_activation.
bool declare_activation(const std::string& name, Activation activation, char letter) {
  constexpr float kRate = 0.3f;
  const auto value = [=](double x) { return oracle::gemm_activation(letter, x, kSlope); };
  return declare({
      .name = "dropout/activation_backward/" + name,
      .arguments = {hidden("pre", normal(2.0)), input("x", each([=](const Host& x, int64_t i) {
                                                        return float(value(x[0][i]));
                                                      })),
                    input("d_y", normal(1.0, true)), step_argument(),
                    output("d_x")
                        .oracle([=](const Host& x, int64_t i) {
                          const double d_y = oracle::dropout(x[2][i], kDraw, i, kRate);
                          // Two roundings of dropout's, and a derivative from the rounded x, whose
                          // error is relative to 1, not to itself.
                          return Want{d_y * derivative(activation, x[0][i]), 4, std::abs(d_y)};
                        })
                        .derivative_of(
                            [=](const Host& x, int64_t i, double v) {
                              return x[2][i] * oracle::dropout(value(v), kDraw, i, kRate);
                            },
                            0, activation == Activation::leaky_relu ? 1e-3 : 0.0)},
      .run = call(BURIN_TWINS(dropout_activation_backward),
                  [=](auto* backward, const Call& c) {
                    backward(c[1], c[2], c[4], c.n(), kRate, activation, kSlope, key_at(c[3]), {});
                  }),
      .in_place = {{{4, 2}}},
  });
}

const bool declared = declare_activation("leaky_relu", Activation::leaky_relu, 'l') &&
                      declare_activation("sigmoid", Activation::sigmoid, 's') &&
                      declare_activation("tanh", Activation::tanh, 't') && declare_with("", 0.3f) &&
                      declare_with("/none", 0.0f) && declare_with("/half", 0.5f) &&
                      declare_with("/most", 0.999f);

}  // namespace
}  // namespace burin::test::dropout_case
