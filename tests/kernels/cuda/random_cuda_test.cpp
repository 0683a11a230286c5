// The rooms that draw random numbers: random_fill, reparameterize, dropout.
#include "kernels/dropout/dropout.h"
#include "kernels/random_fill/random_fill.h"
#include "kernels/reparameterize/reparameterize.h"
#include "tests/support/device_case.h"

namespace burin::test {
namespace {

constexpr uint64_t kSeed = 0x123456789abcdef0u;
constexpr uint64_t kStep = 0x1'0000'0007u;  // more than 32 bits
constexpr uint32_t kStream = 3;
constexpr oracle::Draw kDraw{kSeed, kStream, kStep};
const RandomKey kHostKey{kSeed, kStream, &kStep};

class RandomCuda : public DeviceTest {
 protected:
  // The step lies in device memory.
  void SetUp() override {
    DeviceTest::SetUp();
    if (!IsSkipped()) step_ = std::make_unique<DeviceBuffer<uint64_t>>(std::vector{kStep});
  }
  RandomKey key() { return {kSeed, kStream, step_->data()}; }
  std::unique_ptr<DeviceBuffer<uint64_t>> step_;
};

TEST_F(RandomCuda, UniformIsTheCpuTwinAndTheOracle) {
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

TEST_F(RandomCuda, NormalIsTheCpuTwinAndTheOracle) {
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

TEST_F(RandomCuda, NoStepIsStepZero) {
  const uint64_t zero = 0;
  Buffer x(33);
  cpu::random_uniform(x.data(), 33, 0.0f, 1.0f, {kSeed, kStream, &zero}, {});
  DeviceBuffer<float> cuda_x(33);
  cuda::random_uniform(cuda_x.data(), 33, 0.0f, 1.0f, {kSeed, kStream, nullptr}, {});
  expect_same_bits(cuda_x.values(), x);
}

TEST_F(RandomCuda, ReparameterizeIsTheCpuTwinAndTheOracle) {
  for_each_case([&](int64_t n, const Placement& at) {
    const Buffer mean(mixed_values(n)), logvar(mixed_values(n, 2.0, 2));
    Buffer noise(n), z(n);
    cpu::reparameterize_forward(mean.data(), logvar.data(), n, kHostKey, noise.data(), z.data(),
                                {});
    DeviceBuffer<float> cuda_mean(mean.values(), at[0]), cuda_logvar(logvar.values(), at[1]);
    DeviceBuffer<float> cuda_noise(n, at[2]), cuda_z(n, at[3]);
    cuda::reparameterize_forward(cuda_mean.data(), cuda_logvar.data(), n, key(), cuda_noise.data(),
                                 cuda_z.data(), {});
    expect_same_bits(cuda_noise.values(), noise, "noise");
    expect_same_bits(cuda_z.values(), z, "z");
    const std::vector<float> drawn = cuda_noise.values(), out = cuda_z.values();
    for (int64_t i = 0; i < n; ++i) {
      EXPECT_NEAR(drawn[size_t(i)], oracle::normal(kDraw, i).value, 4e-6);
      if (!(std::abs(mean[i]) < 100 && std::abs(logvar[i]) < 20)) continue;
      const double expected = oracle::reparameterize(mean[i], logvar[i], drawn[size_t(i)]);
      expect_close(out[size_t(i)], expected, 4, std::abs(expected - mean[i]));
    }
    cuda::reparameterize_forward(cuda_mean.data(), cuda_logvar.data(), n, key(), cuda_noise.data(),
                                 cuda_logvar.data(), {});
    expect_same_bits(cuda_logvar.values(), z, "z in logvar");
  });
}

TEST_F(RandomCuda, ReparameterizeBackwardIsTheCpuTwinAndTheOracle) {
  for_each_case([&](int64_t n, const Placement& at) {
    const Buffer logvar(mixed_values(n, 2.0, 2)), noise(random_values(n, 1.0, 3));
    const Buffer d_z(random_values(n, 1.0, 4));
    const std::vector<float> before = random_values(n, 1.0, 5);
    DeviceBuffer<float> cuda_logvar(logvar.values(), at[0]), cuda_noise(noise.values(), at[1]);
    DeviceBuffer<float> cuda_d_z(d_z.values(), at[2]);
    for (const bool accumulate : {false, true}) {
      Buffer d_mean(before), d_logvar(before);
      cpu::reparameterize_backward(logvar.data(), noise.data(), d_z.data(), d_mean.data(),
                                   d_logvar.data(), n, accumulate, {});
      DeviceBuffer<float> cuda_d_mean(before, at[3]), cuda_d_logvar(before, at[4]);
      cuda::reparameterize_backward(cuda_logvar.data(), cuda_noise.data(), cuda_d_z.data(),
                                    cuda_d_mean.data(), cuda_d_logvar.data(), n, accumulate, {});
      expect_same_bits(cuda_d_mean.values(), d_mean, "d_mean");
      expect_same_bits(cuda_d_logvar.values(), d_logvar, "d_logvar");
      const std::vector<float> gradient = cuda_d_logvar.values();
      for (int64_t i = 0; i < n; ++i) {
        if (!(std::abs(logvar[i]) < 20)) continue;
        const double d = 0.5 * d_z[i] * noise[i] * std::exp(0.5 * logvar[i]);
        const double old = accumulate ? before[size_t(i)] : 0.0;
        expect_close(gradient[size_t(i)], old + d, 6, std::abs(old) + std::abs(d));
      }
    }
    Buffer d_mean(n), d_logvar(n);
    cpu::reparameterize_backward(logvar.data(), noise.data(), d_z.data(), d_mean.data(),
                                 d_logvar.data(), n, false, {});
    DeviceBuffer<float> cuda_d_logvar(n, at[4]);
    cuda::reparameterize_backward(cuda_logvar.data(), cuda_noise.data(), cuda_d_z.data(),
                                  cuda_d_z.data(), cuda_d_logvar.data(), n, false, {});
    expect_same_bits(cuda_d_z.values(), d_mean, "d_mean in d_z");
    expect_same_bits(cuda_d_logvar.values(), d_logvar, "d_logvar");
  });
}

TEST_F(RandomCuda, DropoutIsTheCpuTwinAndTheOracle) {
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
