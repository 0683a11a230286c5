#include "kernels/reparameterize/reparameterize.h"

#include "tests/kernels/cuda/random_case.h"

namespace burin::test {
namespace {

class ReparameterizeCuda : public RandomDeviceTest {};

TEST_F(ReparameterizeCuda, IsTheCpuTwinAndTheOracle) {
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

TEST_F(ReparameterizeCuda, BackwardIsTheCpuTwinAndTheOracle) {
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

}  // namespace
}  // namespace burin::test
