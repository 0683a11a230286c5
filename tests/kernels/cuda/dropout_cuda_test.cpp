#include "kernels/dropout/dropout.h"

#include "tests/kernels/cuda/random_case.h"

namespace burin::test {
namespace {

class DropoutCuda : public RandomDeviceTest {};

TEST_F(DropoutCuda, IsTheCpuTwinAndTheOracle) {
  for_each_case([&](int64_t n, const Placement& at) {
    for (const float rate : {0.0f, 0.3f, 0.99999f}) {
      const Buffer x(mixed_values(n));
      const std::vector<float> before = random_values(n, 1.0, 2);
      Buffer y(n), d_x(n), added(before);
      cpu::dropout_forward(x.data(), y.data(), n, rate, kHostKey, {});
      cpu::dropout_backward(x.data(), d_x.data(), n, rate, kHostKey, false, {});
      cpu::dropout_backward(x.data(), added.data(), n, rate, kHostKey, true, {});
      DeviceBuffer<float> cuda_x(x.values(), at[0]), cuda_y(n, at[1]);
      DeviceBuffer<float> cuda_d_x(n, at[2]), cuda_added(before, at[3]);
      cuda::dropout_forward(cuda_x.data(), cuda_y.data(), n, rate, key(), {});
      cuda::dropout_backward(cuda_x.data(), cuda_d_x.data(), n, rate, key(), false, {});
      cuda::dropout_backward(cuda_x.data(), cuda_added.data(), n, rate, key(), true, {});
      expect_same_bits(cuda_y.values(), y, "y");
      expect_same_bits(cuda_d_x.values(), d_x, "d_x");
      expect_same_bits(cuda_added.values(), added, "accumulated d_x");
      const std::vector<float> out = cuda_y.values();
      for (int64_t i = 0; i < n; ++i) {
        if (!(std::abs(x[i]) < 1e30f) || rate > 0.9f) continue;
        expect_close(out[size_t(i)], oracle::dropout(x[i], kDraw, i, double{rate}), 2);
      }
      cuda::dropout_forward(cuda_x.data(), cuda_x.data(), n, rate, key(), {});
      expect_same_bits(cuda_x.values(), y, "y in place");
    }
  });
}

}  // namespace
}  // namespace burin::test
