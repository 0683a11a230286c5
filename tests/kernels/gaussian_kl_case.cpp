#include "kernels/gaussian_kl/gaussian_kl.h"

#include "tests/oracle.h"
#include "tests/support/room_case.h"

namespace burin::test::gaussian_kl_case {
namespace {

// An element's e^v - 1 - v may be off by 8 units of its own (cpu/gaussian_kl_test.cpp); a sum, in
// which most terms are good to 3, is not.
constexpr double kUlps = 4.0;

Argument::Fill logvars(double deviation) {
  return [=](int64_t n, const Host&, const Dims&, bool extreme) {
    std::vector<float> values = random_values(n, deviation, 2);
    const float special[] = {0.0f, -0.0f, 1e-6f, 0.5f, -0.5f, -103.0f, 80.0f, 1e-42f};
    for (size_t i = 2; extreme && i < values.size(); i += 5) values[i] = special[i / 5 % 8];
    return Values(values);
  };
}

// deviation: an untrained encoder's log-variances, a usual one's, far ones.
bool declare_with(const char* name, float scale, double deviation) {
  return declare({
      .name = name,
      .arguments = {input("mean", normal(deviation, true)), input("logvar", logvars(deviation)),
                    output("loss")
                        .count(one)
                        .oracle([=](const Host& x, int64_t) {
                          const int64_t n = x.dims[0];
                          double total = 0.0;
                          for (int64_t i = 0; i < n; ++i) {
                            total += oracle::gaussian_kl(x[0][i], x[1][i]);
                          }
                          Want want = wanted_sum(scale * total, n, std::abs(scale * total));
                          want.ulps = n < 31 ? 10.0 : kUlps;
                          return want;
                        })
                        .twins_within(1),
                    output("d_mean")
                        .oracle([=](const Host& x, int64_t i) {
                          return Want{double{scale} * x[0][i], 1};
                        })
                        .derivative_of(
                            [=](const Host& x, int64_t i, double m) {
                              return scale * oracle::gaussian_kl(m, x[1][i]);
                            },
                            0),
                    // Half a unit for the product, and e^v - 1 good to 3.
                    output("d_logvar")
                        .oracle([=](const Host& x, int64_t i) {
                          return Want{0.5 * double{scale} * std::expm1(double{x[1][i]}), 4};
                        })
                        .derivative_of(
                            [=](const Host& x, int64_t i, double v) {
                              return scale * oracle::gaussian_kl(x[0][i], v);
                            },
                            1)},
      .run = call(
          BURIN_TWINS(gaussian_kl),
          [=](auto* kl, const Call& c) { kl(c[0], c[1], c.n(), scale, c[2], c[3], c[4], {}); }),
      .measured = {{128 * 20}, {100352}},  // the VAEs with 20 and 784 latent units
      .repeated = {{700001}},
      .in_place = {{{3, 0}, {4, 1}}},
      .optional = {{3, 4}},
  });
}

const bool declared = declare_with("gaussian_kl", 1.0f / 128.0f, 0.7) &&
                      declare_with("gaussian_kl/untrained", -2.0f, 1e-3) &&
                      declare_with("gaussian_kl/far", 0.25f, 5.0);

}  // namespace
}  // namespace burin::test::gaussian_kl_case
