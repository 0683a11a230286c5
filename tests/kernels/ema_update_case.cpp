#include "kernels/ema_update/ema_update.h"

#include "tests/oracle.h"
#include "tests/support/room_case.h"

namespace burin::test::ema_update_case {
namespace {

Values some_zeros(int64_t n, const Host&, const Dims&, bool extreme) {
  std::vector<float> values = extreme ? mixed_values(n) : random_values(n);
  for (size_t i = 0; i < values.size(); i += 3) values[i] = i % 2 == 0 ? 0.0f : -0.0f;
  return values;
}

bool declare_update(const char* name, float decay) {
  return declare({
      .name = name,
      .arguments = {input("value"), input("decay", constant(std::vector<float>{decay})).count(one),
                    updated("average", normal(1.0, true)).oracle([=](const Host& x, int64_t i) {
                      const double value = x[0][i], before = x[2][i];
                      if (!(std::abs(value) < 1e30)) return Want{.value = 0, .any = true};
                      return Want{double{decay} * before + (1 - double{decay}) * value, 2,
                                  std::abs(before) + std::abs(value)};
                    })},
      .run = call(BURIN_TWINS(ema_update),
                  [=](auto* update, const Call& c) { update(c[0], c[2], c.n(), c[1], {}); }),
  });
}

const bool declared =
    declare_update("ema_update", 0.999f) && declare_update("ema_update/fast", 0.9f) &&
    declare_update("ema_update/replace", 0.0f) && declare_update("ema_update/keep", 1.0f) &&
    declare({
        .name = "ema_update/masked_average",
        .arguments = {input("value", some_zeros), input("average"),
                      output("out").oracle([](const Host& x, int64_t i) {
                        const bool zero = std::fpclassify(x[0][i]) == FP_ZERO;
                        return Want{zero ? 0.0 : double{x[1][i]}, 0};
                      })},
        .run = call(BURIN_TWINS(masked_average),
                    [](auto* masked, const Call& c) { masked(c[0], c[1], c[2], c.n(), {}); }),
        .in_place = {{{2, 1}}},
    });

}  // namespace
}  // namespace burin::test::ema_update_case
