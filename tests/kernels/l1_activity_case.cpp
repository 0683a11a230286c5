#include "kernels/l1_activity/l1_activity.h"

#include "tests/oracle.h"
#include "tests/support/room_case.h"

namespace burin::test::l1_activity_case {
namespace {

bool declare_with(const char* name, float scale) {
  return declare({
             .name = std::string("l1_activity/forward") + name,
             .arguments = {input("x", normal(3.0)),
                           output("loss")
                               .count(one)
                               .oracle([=](const Host& x, int64_t) {
                                 const int64_t n = x.dims[0];
                                 const double sum = oracle::abs_sum({x[0], x[0] + n});
                                 return wanted_sum(scale * sum, n, std::abs(scale * sum));
                               })
                               .twins_within(1)},
             .run =
                 call(BURIN_TWINS(l1_activity_forward),
                      [=](auto* forward, const Call& c) { forward(c[0], c.n(), scale, c[1], {}); }),
             .repeated = {{1000003}},
             .extreme = false,  // l1_activity_test.cpp: a sum shows one of them at most
         }) &&
         declare({
             .name = std::string("l1_activity/backward") + name,
             .arguments = {input("x"),
                           accumulated("d_x")
                               .oracle([=](const Host& x, int64_t i) {
                                 const float v = x[0][i];
                                 const double sign = (v > 0) - (v < 0);
                                 return Want{sign * scale, 0};
                               })
                               .derivative_of([=](const Host&, int64_t,
                                                  double v) { return scale * std::sqrt(v * v); },
                                              0, 1e-3)},
             .run = call(BURIN_TWINS(l1_activity_backward),
                         [=](auto* backward, const Call& c) {
                           backward(c[0], c[1], c.n(), scale, c.accumulate, {});
                         }),
             .in_place = {{{1, 0}}},
         });
}

const bool declared =
    declare_with("", 0.01f) && declare_with("/minimax", -2.5f) && declare_with("/none", 0.0f);

}  // namespace
}  // namespace burin::test::l1_activity_case
