#include "kernels/scale/scale.h"

#include "tests/support/device_case.h"

namespace burin::test {
namespace {

class ScaleCuda : public DeviceTest {};

TEST_F(ScaleCuda, IsTheCpuTwinAndTheOracle) {
  for_each_case([](int64_t n, const Placement& at) {
    for (const float alpha : {-0.7f, 0.0f, 3e38f}) {
      const Buffer x(mixed_values(n));
      const std::vector<float> before = random_values(n, 1.0, 2);
      Buffer y(n), added(before);
      cpu::scale(x.data(), alpha, y.data(), n, false, {});
      cpu::scale(x.data(), alpha, added.data(), n, true, {});
      DeviceBuffer<float> cuda_x(x.values(), at[0]), cuda_y(n, at[1]), cuda_added(before, at[2]);
      cuda::scale(cuda_x.data(), alpha, cuda_y.data(), n, false, {});
      cuda::scale(cuda_x.data(), alpha, cuda_added.data(), n, true, {});
      expect_same_bits(cuda_y.values(), y, "y");
      expect_same_bits(cuda_added.values(), added, "accumulated y");
      const std::vector<float> out = cuda_y.values();
      for (int64_t i = 0; i < n; ++i) {
        const double product = double{alpha} * x[i];
        expect_close(out[size_t(i)], static_cast<float>(product), 1);
      }
      cuda::scale(cuda_x.data(), alpha, cuda_x.data(), n, false, {});
      expect_same_bits(cuda_x.values(), y, "y in place");
    }
  });
}

}  // namespace
}  // namespace burin::test
