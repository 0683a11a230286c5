#include "kernels/tanh/tanh.h"

#include "tests/kernels/activation_case.h"
#include "tests/oracle.h"

namespace burin::test::tanh_case {
namespace {

const bool declared = declare_activation({
    .name = "tanh",
    .forward = call(BURIN_TWINS(tanh_forward),
                    [](auto* forward, const Call& c) { forward(c[0], c[1], c.n(), {}); }),
    .backward = call(
        BURIN_TWINS(tanh_backward),
        [](auto* backward, const Call& c) { backward(c[1], c[2], c[3], c.n(), c.accumulate, {}); }),
    .value = oracle::tanh,
    .derivative = oracle::tanh_derivative,
    .ulps = 2,
    .derivative_ulps = 6,
});

}  // namespace
}  // namespace burin::test::tanh_case
