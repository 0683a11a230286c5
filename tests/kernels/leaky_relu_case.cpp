#include "kernels/leaky_relu/leaky_relu.h"

#include "tests/kernels/activation_case.h"
#include "tests/oracle.h"

namespace burin::test::leaky_relu_case {
namespace {

constexpr float kSlope = 0.2f;

const bool declared = declare_activation({
    .name = "leaky_relu",
    .forward = call(BURIN_TWINS(leaky_relu_forward),
                    [](auto* forward, const Call& c) { forward(c[0], c[1], c.n(), kSlope, {}); }),
    .backward = call(BURIN_TWINS(leaky_relu_backward),
                     [](auto* backward, const Call& c) {
                       backward(c[1], c[2], c[3], c.n(), kSlope, c.accumulate, {});
                     }),
    .value = [](double x) { return oracle::leaky_relu(x, kSlope); },
    .derivative = [](double x) { return x > 0 ? 1.0 : double{kSlope}; },
    .ulps = 1,
    .derivative_ulps = 1,
    .kink = 1e-3,
});

}  // namespace
}  // namespace burin::test::leaky_relu_case
