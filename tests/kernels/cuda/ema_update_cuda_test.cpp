#include "kernels/ema_update/ema_update.h"

#include "tests/support/device_case.h"

namespace burin::test {
namespace {

class EmaUpdateCuda : public DeviceTest {};

TEST_F(EmaUpdateCuda, IsTheCpuTwinAndTheOracle) {
  for_each_case([](int64_t n, const Placement& at) {
    for (const float decay : {0.0f, 0.999f, 1.0f}) {
      const Buffer value(mixed_values(n));
      const std::vector<float> before = random_values(n, 1.0, 2);
      Buffer average(before);
      cpu::ema_update(value.data(), average.data(), n, decay, {});
      DeviceBuffer<float> cuda_value(value.values(), at[0]), cuda_average(before, at[1]);
      cuda::ema_update(cuda_value.data(), cuda_average.data(), n, decay, {});
      expect_same_bits(cuda_average.values(), average, "average");
      const std::vector<float> out = cuda_average.values();
      for (int64_t i = 0; i < n; ++i) {
        if (!(std::abs(value[i]) < 1e30f)) continue;
        const double b = before[size_t(i)];
        const double expected = double{decay} * b + (1 - double{decay}) * value[i];
        expect_close(out[size_t(i)], expected, 3, std::abs(b) + std::abs(value[i]));
      }
    }
  });
}

TEST_F(EmaUpdateCuda, MaskIsTheCpuTwinAndTheOracle) {
  for_each_case([](int64_t n, const Placement& at) {
    const Buffer value(mixed_values(n)), average(random_values(n, 1.0, 2));
    Buffer out(n);
    cpu::masked_average(value.data(), average.data(), out.data(), n, {});
    DeviceBuffer<float> cuda_value(value.values(), at[0]);
    DeviceBuffer<float> cuda_average(average.values(), at[1]), cuda_out(n, at[2]);
    cuda::masked_average(cuda_value.data(), cuda_average.data(), cuda_out.data(), n, {});
    expect_same_bits(cuda_out.values(), out, "out");
    const std::vector<float> masked = cuda_out.values();
    for (int64_t i = 0; i < n; ++i) {
      EXPECT_EQ(masked[size_t(i)], std::fpclassify(value[i]) == FP_ZERO ? 0.0f : average[i]);
    }
    cuda::masked_average(cuda_value.data(), cuda_average.data(), cuda_average.data(), n, {});
    expect_same_bits(cuda_average.values(), out, "out in average");
  });
}

}  // namespace
}  // namespace burin::test
