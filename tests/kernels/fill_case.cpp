#include "kernels/fill/fill.h"

#include "tests/support/room_case.h"

namespace burin::test::fill_case {
namespace {

bool declare_with(const char* name, float value) {
  return declare({
      .name = name,
      .arguments = {output("x").oracle([=](const Host&, int64_t) {
        return Want{value, 0};
      })},
      .run =
          call(BURIN_TWINS(fill), [=](auto* fill, const Call& c) { fill(c[0], c.n(), value, {}); }),
      .extreme = false,
  });
}

const bool declared = declare_with("fill", -2.5f) && declare_with("fill/zero", 0.0f) &&
                      declare_with("fill/minus_zero", -0.0f) &&
                      declare_with("fill/denormal", 1e-42f) &&
                      declare_with("fill/infinity", INFINITY) && declare_with("fill/nan", NAN);

}  // namespace
}  // namespace burin::test::fill_case
