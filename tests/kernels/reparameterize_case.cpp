#include "kernels/reparameterize/reparameterize.h"

#include "tests/kernels/random_case.h"
#include "tests/support/room_case.h"

namespace burin::test::reparameterize_case {
namespace {

// Where exponentials are numbers.
bool is_usual(float mean, float logvar) {
  return std::abs(mean) < 100 && std::abs(logvar) < 20;
}

Want noise(const Host&, int64_t i) {
  const oracle::Normal drawn = oracle::normal(kDraw, i);
  return {drawn.value, 4, drawn.radius};
}

// z from the noise that was really drawn: reparameterize_test.cpp.
Want z(const Host& x, int64_t i) {
  const float mean = x[0][i], logvar = x[1][i];
  if (!is_usual(mean, logvar)) return {.value = 0, .any = true};
  const Want drawn = noise(x, i);
  const double expected = oracle::reparameterize(mean, logvar, drawn.value);
  const double deviation = std::exp(0.5 * logvar);
  return {expected, 3, std::abs(expected - mean), deviation * 4 * kEpsilon * drawn.magnitude};
}

const bool declared =
    declare({
        .name = "reparameterize/forward",
        .arguments = {input("mean"), input("logvar", normal(2.0)), step_argument(),
                      output("noise").oracle(noise), output("z").oracle(z)},
        .run = call(BURIN_TWINS(reparameterize_forward),
                    [](auto* forward, const Call& c) {
                      forward(c[0], c[1], c.n(), key_at(c[2]), c[3], c[4], {});
                    }),
        .measured = {{128 * 20}, {100352}},
        .in_place = {{{4, 0}}, {{4, 1}}},
    }) &&
    declare({
        .name = "reparameterize/backward",
        .arguments = {input("logvar", normal(1.5)), input("noise", normal(1.0, true)),
                      input("d_z", normal(1.0, true)), hidden("mean", normal(1.0, true)),
                      accumulated("d_mean")
                          .oracle([](const Host& x, int64_t i) {
                            return Want{x[2][i], 0};
                          })
                          .derivative_of(
                              [](const Host& x, int64_t i, double mean) {
                                if (!is_usual(0, x[0][i])) return double{x[2][i]} * mean;
                                return x[2][i] * oracle::reparameterize(mean, x[0][i], x[1][i]);
                              },
                              3),
                      // exp to 2 ulp and two products.
                      accumulated("d_logvar")
                          .oracle([](const Host& x, int64_t i) {
                            if (!is_usual(0, x[0][i])) return Want{.value = 0, .any = true};
                            return Want{0.5 * x[2][i] * x[1][i] * std::exp(0.5 * x[0][i]), 4};
                          })
                          .derivative_of(
                              [](const Host& x, int64_t i, double logvar) {
                                return x[2][i] * oracle::reparameterize(x[3][i], logvar, x[1][i]);
                              },
                              0)},
        .run = call(BURIN_TWINS(reparameterize_backward),
                    [](auto* backward, const Call& c) {
                      backward(c[0], c[1], c[2], c[4], c[5], c.n(), c.accumulate, {});
                    }),
        .measured = {{128 * 20}, {100352}},
        .in_place = {{{4, 2}}},
    });

}  // namespace
}  // namespace burin::test::reparameterize_case
