#include "kernels/random_fill/random_fill.h"

#include "tests/kernels/cuda/random_case.h"

namespace burin::test {
namespace {

class RandomFillCuda : public RandomDeviceTest {};

TEST_F(RandomFillCuda, UniformIsTheCpuTwinAndTheOracle) {
  for_each_case([&](int64_t n, const Placement& at) {
    Buffer x(n);
    cpu::random_uniform(x.data(), n, -0.3f, 1.2f, kHostKey, {});
    DeviceBuffer<float> cuda_x(n, at[0]);
    cuda::random_uniform(cuda_x.data(), n, -0.3f, 1.2f, key(), {});
    expect_same_bits(cuda_x.values(), x, "x");
    const std::vector<float> out = cuda_x.values();
    for (int64_t i = 0; i < n; ++i) {
      expect_close(out[size_t(i)], -0.3 + 1.5 * oracle::uniform(kDraw, i), 2, 1.5);
    }
  });
}

TEST_F(RandomFillCuda, NormalIsTheCpuTwinAndTheOracle) {
  for_each_case([&](int64_t n, const Placement& at) {
    Buffer x(n);
    cpu::random_normal(x.data(), n, 0.02f, kHostKey, {});
    DeviceBuffer<float> cuda_x(n, at[0]);
    cuda::random_normal(cuda_x.data(), n, 0.02f, key(), {});
    expect_same_bits(cuda_x.values(), x, "x");
    const std::vector<float> out = cuda_x.values();
    for (int64_t i = 0; i < n; ++i) {
      const oracle::Normal expected = oracle::normal(kDraw, i);
      EXPECT_NEAR(out[size_t(i)], 0.02 * expected.value, 0.02 * 5e-7 * (1 + expected.radius));
    }
  });
}

TEST_F(RandomFillCuda, NoStepIsStepZero) {
  const uint64_t zero = 0;
  Buffer x(33);
  cpu::random_uniform(x.data(), 33, 0.0f, 1.0f, {kSeed, kStream, &zero}, {});
  DeviceBuffer<float> cuda_x(33);
  cuda::random_uniform(cuda_x.data(), 33, 0.0f, 1.0f, {kSeed, kStream, nullptr}, {});
  expect_same_bits(cuda_x.values(), x);
}

}  // namespace
}  // namespace burin::test
