#include "kernels/scale/scale.h"

#include "tests/support/room_case.h"

namespace burin::test::scale_case {
namespace {

bool declare_with(const char* name, float alpha) {
  return declare({
      .name = name,
      .arguments = {input("x"), accumulated("y").oracle([=](const Host& x, int64_t i) {
                      // The product of two floats is exact in double.
                      return Want{double{float(double{alpha} * double{x[0][i]})}, 0};
                    })},
      .run = call(
          BURIN_TWINS(scale),
          [=](auto* scale, const Call& c) { scale(c[0], alpha, c[1], c.n(), c.accumulate, {}); }),
      .in_place = {{{1, 0}}},
  });
}

const bool declared = declare_with("scale", -0.3f) && declare_with("scale/zero", 0.0f) &&
                      declare_with("scale/huge", 3e38f);

}  // namespace
}  // namespace burin::test::scale_case
