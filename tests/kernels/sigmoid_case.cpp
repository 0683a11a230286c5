#include "kernels/sigmoid/sigmoid.h"

#include "tests/kernels/activation_case.h"
#include "tests/oracle.h"

namespace burin::test::sigmoid_case {
namespace {

const bool declared = declare_activation({
    .name = "sigmoid",
    .forward = call(BURIN_TWINS(sigmoid_forward),
                    [](auto* forward, const Call& c) { forward(c[0], c[1], c.n(), {}); }),
    .backward = call(
        BURIN_TWINS(sigmoid_backward),
        [](auto* backward, const Call& c) { backward(c[1], c[2], c[3], c.n(), c.accumulate, {}); }),
    .value = oracle::sigmoid,
    .derivative = oracle::sigmoid_derivative,
    .ulps = 3,
    .derivative_ulps = 4,
});

}  // namespace
}  // namespace burin::test::sigmoid_case
