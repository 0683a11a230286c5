#include "kernels/l1_activity/l1_activity.h"

#include "tests/support/device_case.h"

namespace burin::test {
namespace {

class L1ActivityCuda : public DeviceTest {};

TEST_F(L1ActivityCuda, ForwardIsTheCpuTwinAndTheOracle) {
  for_each_case([](int64_t n, const Placement& at) {
    const Buffer x(random_values(n, 3.0));
    Buffer loss(1);
    const float scale = -0.3f;
    cpu::l1_activity_forward(x.data(), n, scale, loss.data(), {});
    DeviceBuffer<float> cuda_x(x.values(), at[0]), cuda_loss(1, at[1]);
    cuda::l1_activity_forward(cuda_x.data(), n, scale, cuda_loss.data(), {});
    const double expected = double{scale} * oracle::abs_sum(x.values());
    expect_sum(cuda_loss.values()[0], loss[0], n, std::abs(expected), "CPU twin");
    expect_sum(cuda_loss.values()[0], expected, n, std::abs(expected), "oracle");
  });
}

TEST_F(L1ActivityCuda, BackwardIsTheCpuTwinAndTheOracle) {
  for_each_case([](int64_t n, const Placement& at) {
    const Buffer x(mixed_values(n));
    const std::vector<float> before = random_values(n, 1.0, 2);
    Buffer d_x(n), added(before);
    cpu::l1_activity_backward(x.data(), d_x.data(), n, 0.3f, false, {});
    cpu::l1_activity_backward(x.data(), added.data(), n, 0.3f, true, {});
    DeviceBuffer<float> cuda_x(x.values(), at[0]), cuda_d_x(n, at[1]), cuda_added(before, at[2]);
    cuda::l1_activity_backward(cuda_x.data(), cuda_d_x.data(), n, 0.3f, false, {});
    cuda::l1_activity_backward(cuda_x.data(), cuda_added.data(), n, 0.3f, true, {});
    expect_same_bits(cuda_d_x.values(), d_x, "d_x");
    expect_same_bits(cuda_added.values(), added, "accumulated d_x");
    const std::vector<float> out = cuda_d_x.values();
    for (int64_t i = 0; i < n; ++i) {
      const bool kink = x[i] == 0.0f || std::isnan(x[i]);
      EXPECT_EQ(out[size_t(i)], kink ? 0.0f : std::copysign(0.3f, x[i]));
    }
    cuda::l1_activity_backward(cuda_x.data(), cuda_x.data(), n, 0.3f, false, {});
    expect_same_bits(cuda_x.values(), d_x, "d_x in place");
  });
}

}  // namespace
}  // namespace burin::test
