#include "kernels/random_fill/random_fill.h"

#include "tests/kernels/random_case.h"
#include "tests/support/room_case.h"

namespace burin::test::random_fill_case {
namespace {

bool declare_uniform(const char* name, float low, float high, double ulps) {
  return declare({
      .name = name,
      .arguments = {step_argument(), output("x").oracle([=](const Host&, int64_t i) {
                      const double u = oracle::uniform(kDraw, i);
                      const double width = double{high} - low;
                      return Want{low + width * u, ulps, ulps > 0 ? width : 0.0};
                    })},
      .run = call(
          BURIN_TWINS(random_uniform),
          [=](auto* uniform, const Call& c) { uniform(c[1], c.n(), low, high, key_at(c[0]), {}); }),
      .extreme = false,
  });
}

// log is good to 2 ulp, so the radius to 1.5; sincos_turn to 2e-7 absolute = 1.7 epsilon; one
// product.
bool declare_normal(const char* name, float deviation) {
  return declare({
      .name = name,
      .arguments = {step_argument(), output("x").oracle([=](const Host&, int64_t i) {
                      const oracle::Normal drawn = oracle::normal(kDraw, i);
                      return Want{deviation * drawn.value, 4, deviation * drawn.radius};
                    })},
      .run = call(
          BURIN_TWINS(random_normal),
          [=](auto* normal, const Call& c) { normal(c[1], c.n(), deviation, key_at(c[0]), {}); }),
      .extreme = false,
  });
}

const bool declared = declare_uniform("random_fill/uniform", 0.0f, 1.0f, 0.0) &&  // exact
                      declare_uniform("random_fill/uniform_wide", -0.3f, 1.2f, 1.0) &&
                      declare_normal("random_fill/normal", 1.0f) &&
                      declare_normal("random_fill/normal_narrow", 0.02f);

}  // namespace
}  // namespace burin::test::random_fill_case
