#include "kernels/softmax_cross_entropy/softmax_cross_entropy.h"

#include "tests/oracle.h"
#include "tests/support/room_case.h"

namespace burin::test::softmax_cross_entropy_case {
namespace {

// {rows, classes}
std::vector<double> row_of(const Host& x, int64_t row) {
  const float* begin = x[0] + row * x.dims[1];
  return {begin, begin + x.dims[1]};
}

// Extreme: past what an exponential holds.
Values logits(int64_t n, const Host&, const Dims&, bool extreme) {
  return random_values(n, extreme ? 1000.0 : 5.0);
}
Values labels(int64_t rows, const Host&, const Dims& d, bool) {
  std::vector<int32_t> values;
  for (int64_t row = 0; row < rows; ++row) values.push_back(int32_t(row * 7 % d[1]));
  return values;
}

// e^(x - max): half a unit of x - max, and the exponential's 1.1. In the sum each term is weighted
// by itself, so that log(classes) bounds the mean of max - x there. Then 1 / total and a product.
double probability_ulps(const std::vector<double>& row, size_t j) {
  const double max = *std::max_element(row.begin(), row.end());
  return 4.0 + 0.5 * (max - row[j]) + 0.5 * std::log(double(row.size()));
}

Want probability(const Host& x, int64_t i) {
  // Asked for one element after the other: a row's softmax is made once.
  static std::vector<double> row, p;
  const size_t j = size_t(i % x.dims[1]);
  if (j == 0 || row != row_of(x, i / x.dims[1])) {
    row = row_of(x, i / x.dims[1]);
    p = oracle::softmax(row);
  }
  return {p[j], probability_ulps(row, j)};
}

const std::vector<Dims> kShapes = {{0, 10},   {1, 1},   {3, 2},     {1, 3},    {33, 10},
                                   {127, 31}, {5, 33},  {7, 63},    {3, 64},   {257, 65},
                                   {31, 129}, {9, 257}, {9000, 10}, {2, 1000}, {3, 1300}};

bool declare_with(const char* name, float scale) {
  return declare({
      .name = name,
      .arguments = {input("logits", logits).count(area), input_of<int32_t>("labels", labels),
                    output("loss")
                        .count(one)
                        .oracle([=](const Host& x, int64_t) {
                          const int64_t rows = x.dims[0], classes = x.dims[1];
                          double total = 0.0;
                          for (int64_t r = 0; r < rows; ++r) {
                            total +=
                                oracle::softmax_cross_entropy(row_of(x, r), x.as<int32_t>(1)[r]);
                          }
                          // An error of a row's sum is the same absolute error of its logarithm.
                          const double size = std::abs(double{scale});
                          Want want = wanted_sum(scale * total, rows * classes, size * total);
                          want.ulps = 2.0 + 0.5 * std::log(double(classes));
                          want.magnitude = size * (classes == 1 ? 0.0 : double(rows));
                          return want;
                        })
                        .twins_within(1),
                    output("d_logits")
                        .count(area)
                        .oracle([=](const Host& x, int64_t i) {
                          const Want p = probability(x, i);
                          const int64_t row = i / x.dims[1];
                          const double target = i % x.dims[1] == x.as<int32_t>(1)[row] ? 1.0 : 0.0;
                          return Want{double{scale} * (p.value - target), 1.0 + p.ulps,
                                      std::abs(double{scale}) * p.value};
                        })
                        .twins_within(2, std::abs(double{scale}))
                        .derivative_of(
                            [=](const Host& x, int64_t i, double v) {
                              const int64_t row = i / x.dims[1];
                              std::vector<double> moved = row_of(x, row);
                              moved[size_t(i % x.dims[1])] = v;
                              return scale *
                                     oracle::softmax_cross_entropy(moved, x.as<int32_t>(1)[row]);
                            },
                            0)},
      .run = call(BURIN_TWINS(softmax_cross_entropy),
                  [=](auto* loss, const Call& c) {
                    loss(c[0], c[1], c.dims[0], c.dims[1], scale, c[2], c[3], {});
                  }),
      .dims = kShapes,
      .measured = {{128, 10}},
      .repeated = {{60001, 10}},
      .in_place = {{{3, 0}}},
      .optional = {{3}},
  });
}

const bool declared =
    declare({
        .name = "softmax",
        .arguments = {input("logits", logits).count(area),
                      output("probabilities").count(area).oracle(probability).twins_within(2)},
        .run = call(
            BURIN_TWINS(softmax),
            [](auto* softmax, const Call& c) { softmax(c[0], c.dims[0], c.dims[1], c[1], {}); }),
        .dims = kShapes,
        .measured = {{128, 10}},
        .repeated = {{60001, 10}},
        .in_place = {{{1, 0}}},
    }) &&
    declare_with("softmax_cross_entropy", 1.0f / 128.0f) &&
    declare_with("softmax_cross_entropy/minimax", -2.0f);

}  // namespace
}  // namespace burin::test::softmax_cross_entropy_case
