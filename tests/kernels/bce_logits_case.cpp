#include "kernels/bce_logits/bce_logits.h"

#include "tests/oracle.h"
#include "tests/support/room_case.h"

namespace burin::test::bce_logits_case {
namespace {

// For a target in [0, 1] an element's loss is a sum of two terms that are not negative: half a unit
// for the first, under 3 for the logarithm (kernels/common/math.h), half a unit for each of the two
// roundings that follow.
constexpr double kUlps = 4.0;

// The CPU takes the logarithm of a product in double, the GPU rounds each element's.
constexpr double kTwins = kUlps;

// Large ones of both signs where `extreme`; infinities would leave nothing of the sum to look at.
Values logits(int64_t n, const Host&, const Dims&, bool extreme) {
  std::vector<float> values = random_values(n, 4.0);
  const float special[] = {0.0f, -0.0f, 88.7f, -88.7f, 104.0f, -104.0f, 1e4f, -1e4f, 1e-42f};
  for (size_t i = 2; extreme && i < values.size(); i += 5) {
    values[i] = special[i / 5 % std::size(special)];
  }
  return values;
}

// Greys, with exact zeros and ones among them.
Values targets(int64_t n, const Host&, const Dims&, bool) {
  std::vector<float> values = random_values(n, 0.5, 7);
  for (float& v : values) v = std::clamp(v + 0.5f, 0.0f, 1.0f);
  return values;
}

Want loss(const Host& x, int64_t begin, int64_t end, double scale) {
  double total = 0.0;
  for (int64_t i = begin; i < end; ++i) total += oracle::bce_logits(x[0][i], x[1][i]);
  Want want = wanted_sum(scale * total, end - begin, std::abs(scale) * total);
  want.ulps = kUlps;
  return want;
}

bool declare_with(const char* name, float scale) {
  return declare({
      .name = name,
      .arguments =
          {input("logits", logits), input("target", targets),
           output("loss")
               .count(one)
               .oracle([=](const Host& x, int64_t) { return loss(x, 0, x.dims[0], scale); })
               .twins_within(kTwins),
           output("d_logits")
               .oracle([=](const Host& x, int64_t i) {
                 const double p = oracle::sigmoid(x[0][i]), target = x[1][i];
                 return Want{scale * (p - target), 4,
                             std::abs(double{scale}) * std::max(p, target)};
               })
               .derivative_of([=](const Host& x, int64_t i,
                                  double v) { return scale * oracle::bce_logits(v, x[1][i]); },
                              0)},
      .run = call(BURIN_TWINS(bce_logits),
                  [=](auto* bce_logits, const Call& c) {
                    bce_logits(c[0], c[1], c.n(), scale, c[2], c[3], {});
                  }),
      .repeated = {{1001 * 784}},  // more than 64 tasks of the least size
      .in_place = {{{3, 0}}},
      .optional = {{3}},
  });
}

// Three rows for each of the target's.
constexpr int64_t kRepeats = 3;
int64_t all_rows(const Dims& d) {
  return kRepeats * d[0];
}
int64_t all_logits(const Dims& d) {
  return kRepeats * d[0] * d[1];
}
double label(const Host& x, int64_t i) {
  const int64_t cols = x.dims[1];
  return x[1][i / cols / kRepeats * cols + i % cols];
}

bool declare_rows_backward() {
  return declare({
      .name = "bce_logits/rows_backward",
      .arguments = {input("logits", logits).count(all_logits), input("target", targets).count(area),
                    input("weights", normal(1.0, true)).count(all_rows),
                    output("d_logits")
                        .count(all_logits)
                        .oracle([](const Host& x, int64_t i) {
                          const double p = oracle::sigmoid(x[0][i]), t = label(x, i);
                          const double weight = x[2][i / x.dims[1]];
                          return Want{weight * (p - t), 4, std::abs(weight) * std::max(p, t)};
                        })
                        .derivative_of(
                            [](const Host& x, int64_t i, double v) {
                              return x[2][i / x.dims[1]] * oracle::bce_logits(v, label(x, i));
                            },
                            0)},
      .run = call(BURIN_TWINS(bce_logits_rows_backward),
                  [](auto* backward, const Call& c) {
                    backward(c[0], c[1], c[2], kRepeats * c.dims[0], c.dims[1], kRepeats, c[3], {});
                  }),
      .dims = {{0, 10}, {2, 0}, {1, 1}, {3, 127}, {31, 3}, {43, 33}, {2, 1300}, {5, 784}},
      .measured = {{43, 784}},
      .in_place = {{{3, 0}}},
      .sector_bound = 1.6,
      .bound_reason = "a target's row is read for each of its three",
  });
}

const bool declared =
    declare_rows_backward() && declare_with("bce_logits", 1.0f / 128.0f) &&
    declare_with("bce_logits/minimax", -0.5f) &&
    declare({
        .name = "bce_logits/rows",
        .arguments = {input("logits", logits).count(area), input("target", targets).count(area),
                      output("row_loss")
                          .oracle([](const Host& x, int64_t row) {
                            const int64_t cols = x.dims[1];
                            return loss(x, row * cols, (row + 1) * cols, 1.0);
                          })
                          .twins_within(kTwins)},
        .run = call(
            BURIN_TWINS(bce_logits_rows),
            [](auto* rows, const Call& c) { rows(c[0], c[1], c.dims[0], c.dims[1], 1, c[2], {}); }),
        .dims = {{0, 10}, {2, 0}, {1, 1}, {3, 127}, {31, 3}, {129, 33}, {5, 1300}, {2500, 5}},
        .measured = {{128, 784}},
        .repeated = {{1001, 784}},
    });

}  // namespace
}  // namespace burin::test::bce_logits_case
