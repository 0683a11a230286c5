#include "kernels/dropout/dropout.h"

#include "tests/kernels/random_case.h"
#include "tests/support/room_case.h"

namespace burin::test {
namespace {

bool declare_with(const std::string& name, float rate) {
  return declare({
             .name = "dropout/forward" + name,
             .arguments = {input("x"), step_argument(),
                           output("y").oracle([=](const Host& x, int64_t i) {
                             // Two roundings.
                             return Want{oracle::dropout(x[0][i], kDraw, i, rate), 1};
                           })},
             .run = call(BURIN_TWINS(dropout_forward),
                         [=](auto* forward, const Call& c) {
                           forward(c[0], c[2], c.n(), rate, key_at(c[1]), {});
                         }),
             .in_place = {{{2, 0}}},
         }) &&
         declare({
             .name = "dropout/backward" + name,
             .arguments = {hidden("x", normal(1.0, true)), input("d_y"), step_argument(),
                           accumulated("d_x")
                               .oracle([=](const Host& x, int64_t i) {
                                 return Want{oracle::dropout(x[1][i], kDraw, i, rate), 1};
                               })
                               .derivative_of(
                                   [=](const Host& x, int64_t i, double v) {
                                     return x[1][i] * oracle::dropout(v, kDraw, i, rate);
                                   },
                                   0)},
             .run = call(BURIN_TWINS(dropout_backward),
                         [=](auto* backward, const Call& c) {
                           backward(c[1], c[3], c.n(), rate, key_at(c[2]), c.accumulate, {});
                         }),
             .in_place = {{{3, 1}}},
         });
}

const bool declared = declare_with("", 0.3f) && declare_with("/none", 0.0f) &&
                      declare_with("/half", 0.5f) && declare_with("/most", 0.999f);

}  // namespace
}  // namespace burin::test
