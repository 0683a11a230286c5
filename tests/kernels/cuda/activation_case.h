// The tests that the activations' CUDA twins have in common.
#pragma once

#include "tests/support/device_case.h"

namespace burin::test {

// forward(x, y, n) and backward(y, d_y, d_x, n, accumulate) of both twins.
template <class Forward, class Backward>
struct ActivationTwin {
  Forward forward;
  Backward backward;
};
template <class Forward, class Backward>
ActivationTwin(Forward, Backward) -> ActivationTwin<Forward, Backward>;

// `formula` is the oracle's, `ulps` what the CPU twin promises.
template <class Cpu, class Cuda, class Formula>
void check_activation(const Cpu& cpu_twin, const Cuda& cuda_twin, const Formula& formula,
                      double ulps) {
  for_each_case([&](int64_t n, const Placement& at) {
    const Buffer x(mixed_values(n, 3.0)), d_y(random_values(n, 1.0, 2));
    const std::vector<float> before = random_values(n, 1.0, 3);
    Buffer y(n), d_x(n), added(before);
    cpu_twin.forward(x.data(), y.data(), n);
    cpu_twin.backward(y.data(), d_y.data(), d_x.data(), n, false);
    cpu_twin.backward(y.data(), d_y.data(), added.data(), n, true);

    DeviceBuffer<float> cuda_x(x.values(), at[0]), cuda_y(n, at[1]), cuda_d_y(d_y.values(), at[2]);
    DeviceBuffer<float> cuda_d_x(n, at[3]), cuda_added(before, at[4]);
    cuda_twin.forward(cuda_x.data(), cuda_y.data(), n);
    cuda_twin.backward(cuda_y.data(), cuda_d_y.data(), cuda_d_x.data(), n, false);
    cuda_twin.backward(cuda_y.data(), cuda_d_y.data(), cuda_added.data(), n, true);
    expect_same_bits(cuda_y.values(), y, "y");
    expect_same_bits(cuda_d_x.values(), d_x, "d_x");
    expect_same_bits(cuda_added.values(), added, "accumulated d_x");

    const std::vector<float> out = cuda_y.values(), gradient = cuda_d_x.values();
    for (int64_t i = 0; i < n; ++i) expect_close(out[size_t(i)], formula(x[i]), ulps);
    for (int64_t i = 0; i < std::min<int64_t>(n, 300); ++i) {
      // Away from the kink at 0, and where a difference of the formula means something.
      if (!(std::abs(x[i]) > 1e-3 && std::abs(x[i]) < 50)) continue;
      const double slope = numeric_derivative(formula, x[i]);
      EXPECT_NEAR(gradient[size_t(i)], d_y[i] * slope, 4 * kEpsilon * std::abs(d_y[i]) + 1e-9);
    }

    // In place.
    cuda_twin.forward(cuda_x.data(), cuda_x.data(), n);
    expect_same_bits(cuda_x.values(), y, "y in place");
    cuda_twin.backward(cuda_y.data(), cuda_d_y.data(), cuda_d_y.data(), n, false);
    expect_same_bits(cuda_d_y.values(), d_x, "d_x in place");
  });
}

}  // namespace burin::test
