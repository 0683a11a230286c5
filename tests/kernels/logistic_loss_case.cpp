#include "kernels/logistic_loss/logistic_loss.h"

#include "tests/oracle.h"
#include "tests/support/room_case.h"

namespace burin::test::logistic_loss_case {
namespace {

constexpr float kSlope = 0.2f;

// Arguments: 0 what went into the activation, not passed, 1 x, 2 w, 3 bias, 4 targets, 5 logits,
// 6 loss, 7 d_logits, 8 d_x; dims {rows, k}.
int64_t rows(const Dims& d) {
  return d[0];
}
int64_t columns(const Dims& d) {
  return d[1];
}

// Saturated units, zeros of both signs and denormals among them where `extreme`. Not infinities:
// the loss asks for finite logits, and the room's own test has them.
Values inputs(int64_t n, const Host&, const Dims&, bool extreme) {
  std::vector<float> values = random_values(n, 1.5);
  const float special[] = {0.0f, -0.0f, 20.0f, -20.0f, 104.0f, -104.0f, 1e4f, -1e4f, 1e-42f};
  for (size_t i = 2; extreme && i < values.size(); i += 5) {
    values[i] = special[i / 5 % std::size(special)];
  }
  return Values(values);
}

// Greys, with exact zeros and ones among them.
Values targets(int64_t n, const Host&, const Dims&, bool) {
  std::vector<float> values = random_values(n, 0.5, 7);
  for (float& v : values) v = std::clamp(v + 0.5f, 0.0f, 1.0f);
  return Values(values);
}

// What the launcher is called with.
struct Setting {
  Activation activation;
  char letter;  // of it, in oracle::gemm_activation
  float scale, l1_scale;
};

double activated(const Setting& s, double x) {
  return oracle::gemm_activation(s.letter, x, kSlope);
}
double derivative(const Setting& s, double x) {
  switch (s.letter) {
    case 'l':
      return x > 0 ? 1.0 : double{kSlope};
    case 's':
      return oracle::sigmoid_derivative(x);
    case 't':
      return oracle::tanh_derivative(x);
    default:
      return 1.0;
  }
}

// A row's logit; `error`: what its sum in single precision may be off by. A term passes k / 32
// additions of its chain, five halvings and the bias, half a unit each.
struct Logit {
  double value, error;
};
Logit logit(const Host& x, int64_t row) {
  const int64_t k = x.dims[1];
  const float* const in = x[1] + row * k;
  const float* const w = x[2];
  const oracle::GemmSum sum = oracle::gemm_sum(
      k, [in](int64_t p) { return in[p]; }, [w](int64_t p) { return w[p]; });
  const double bias = x[3][0], roundings = double((k + 31) / 32 + 6);
  return {sum.value + bias, 0.5 * kEpsilon * roundings * (sum.magnitude + std::abs(bias))};
}

Want wanted_loss(const Setting& s, const Host& x) {
  double total = 0.0, slack = 0.0;
  for (int64_t row = 0; row < x.dims[0]; ++row) {
    const Logit z = logit(x, row);
    total += oracle::bce_logits(z.value, x[4][row]);
    slack += z.error;  // the slope is at most 1
  }
  Want want = wanted_sum(s.scale * total, x.dims[0], std::abs(s.scale) * total);
  want.ulps = 4;  // of an element: see the cases of bce_logits
  want.slack += std::abs(s.scale) * slack;
  return want;
}

Want wanted_d_logit(const Setting& s, const Host& x, int64_t row) {
  const Logit z = logit(x, row);
  const double p = oracle::sigmoid(z.value), target = x[4][row], scale = s.scale;
  const double l1 = s.l1_scale;
  Want want{scale * (p - target), 4, std::abs(scale) * std::max(p, target)};
  want.slack = 0.25 * std::abs(scale) * z.error;
  if (l1 != 0.0) {
    want.any = std::abs(z.value) <= z.error && z.value != 0.0;  // the sign is rounding's
    want.value += l1 * ((z.value > 0) - (z.value < 0));
    want.magnitude += std::abs(l1);
  }
  return want;
}

Want wanted_d_x(const Setting& s, const Host& x, int64_t i) {
  const int64_t k = x.dims[1];
  Want want = wanted_d_logit(s, x, i / k);
  const double w = x[2][i % k];
  want.value *= w * derivative(s, x[0][i]);
  want.magnitude *= std::abs(w);
  want.slack *= std::abs(w);
  want.ulps += 6;  // two products, and a derivative from the rounded x: its error is relative to 1
  return want;
}

// The loss, its L1 term included, where what went into the activation at element i is v.
double loss_at(const Setting& s, const Host& x, int64_t i, double v) {
  const int64_t k = x.dims[1], row = i / k;
  const double z = logit(x, row).value + (activated(s, v) - double{x[1][i]}) * x[2][i % k];
  return s.scale * oracle::bce_logits(z, x[4][row]) + s.l1_scale * std::abs(z);
}

Case with(const std::string& name, const Setting& s) {
  return {
      .name = "logistic_loss" + name,
      .arguments = {hidden("pre", inputs).count(area),
                    input("x", each([=](const Host& x, int64_t i) {
                            return float(activated(s, x[0][i]));
                          }))
                        .count(area),
                    input("w", normal(0.3, true)).count(columns),
                    input("bias", constant(std::vector{0.1f})).count(one),
                    input("targets", targets).count(rows),
                    output("logits").count(rows).oracle([](const Host& x, int64_t row) {
                      const Logit z = logit(x, row);
                      return Want{z.value, 1, 0, z.error};
                    }),
                    output("loss")
                        .count(one)
                        .oracle([=](const Host& x, int64_t) { return wanted_loss(s, x); })
                        .twins_within(1),
                    output("d_logits").count(rows).oracle([=](const Host& x, int64_t row) {
                      return wanted_d_logit(s, x, row);
                    }),
                    output("d_x")
                        .count(area)
                        .oracle([=](const Host& x, int64_t i) { return wanted_d_x(s, x, i); })
                        .derivative_of(
                            [=](const Host& x, int64_t i, double v) { return loss_at(s, x, i, v); },
                            0, s.letter == 'l' ? 1e-3 : 0.0)},
      .run = call(BURIN_TWINS(logistic_loss),
                  [=](auto* logistic_loss, const Call& c) {
                    const LogisticLayer layer{c[1],      c[2],      c[3],         c[4],
                                              c.dims[0], c.dims[1], s.activation, kSlope};
                    logistic_loss(layer, s.scale, s.l1_scale, c[5], c[6], c[7], c[8], {});
                  }),
      .dims = {{0, 5},
               {2, 0},
               {1, 1},
               {257, 1},
               {3, 31},
               {33, 33},
               {9, 127},
               {65, 257},
               {4, 1024},
               {3, 1025},
               {5, 1300}},
      .measured = {{256, 256}, {128, 1024}},
      .optional = {{8}, {7, 8}},
      .sector_bound = 1.12,
      .bound_reason = "w once a block of eight rows, and a sector a row for each number of a row",
  };
}

bool declare_all() {
  constexpr float kScale = 1.0f / 128.0f;
  Case usual = with("", {Activation::leaky_relu, 'l', kScale, 0.0f});
  usual.dims.push_back({8200, 3});  // more rows than warps in the grid
  Case long_rows = with("/long", {Activation::leaky_relu, 'l', kScale, 0.0f});
  long_rows.dims = {{3, 2048}, {9, 1028}};
  long_rows.measured = {{64, 4096}};
  long_rows.sector_bound = 2.55;
  long_rows.bound_reason = "no registers for so long a row: x twice, and w by each row";
  return declare(usual) && declare(long_rows) &&
         declare(with("/none", {Activation::none, 'n', kScale, 0.02f})) &&
         declare(with("/minimax", {Activation::sigmoid, 's', -0.5f, 0.0f})) &&
         declare(with("/tanh", {Activation::tanh, 't', kScale, 0.01f}));
}

const bool declared = declare_all();

}  // namespace
}  // namespace burin::test::logistic_loss_case
