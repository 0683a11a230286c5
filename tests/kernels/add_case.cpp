#include "kernels/add/add.h"

#include "tests/support/room_case.h"

namespace burin::test::add_case {
namespace {

const bool declared = declare({
    .name = "add",
    .arguments = {input("a"), input("b"),
                  // One rounding of the exact sum.
                  output("y").oracle([](const Host& x, int64_t i) {
                    return Want{double(float(double{x[0][i]} + double{x[1][i]})), 0.0};
                  })},
    .run =
        call(BURIN_TWINS(add), [](auto* add, const Call& c) { add(c[0], c[1], c[2], c.n(), {}); }),
    .in_place = {{{2, 0}}, {{2, 1}}},
});

}  // namespace
}  // namespace burin::test::add_case
