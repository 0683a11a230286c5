#include "kernels/gaussian_kl/gaussian_kl.h"

#include "tests/support/device_case.h"

namespace burin::test {
namespace {

class GaussianKlCuda : public DeviceTest {};

TEST_F(GaussianKlCuda, IsTheCpuTwinAndTheOracle) {
  for_each_case([](int64_t n, const Placement& at) {
    const float scale = 0.01f;
    std::vector<float> logvars = random_values(n, 2.0, 2);
    const float special[] = {0.0f, -0.0f, 1e-6f, 0.5f, -0.5f, -103.0f, 80.0f, 1e-42f};
    for (size_t i = 2; i < logvars.size() && i < 200; i += 5) logvars[i] = special[i / 5 % 8];
    const Buffer mean(random_values(n)), logvar(logvars);
    Buffer loss(1), d_mean(n), d_logvar(n);
    cpu::gaussian_kl(mean.data(), logvar.data(), n, scale, loss.data(), d_mean.data(),
                     d_logvar.data(), {});
    DeviceBuffer<float> cuda_mean(mean.values(), at[0]), cuda_logvar(logvars, at[1]);
    DeviceBuffer<float> cuda_loss(1), cuda_d_mean(n, at[2]), cuda_d_logvar(n, at[3]);
    cuda::gaussian_kl(cuda_mean.data(), cuda_logvar.data(), n, scale, cuda_loss.data(),
                      cuda_d_mean.data(), cuda_d_logvar.data(), {});
    expect_same_bits(cuda_d_mean.values(), d_mean, "d_mean");
    expect_same_bits(cuda_d_logvar.values(), d_logvar, "d_logvar");
    double expected = 0.0;
    for (int64_t i = 0; i < n; ++i) expected += scale * oracle::gaussian_kl(mean[i], logvar[i]);
    expect_sum(cuda_loss.values()[0], loss[0], n, expected, "CPU twin");
    expect_close(cuda_loss.values()[0], expected, 4, 0.0, "oracle");  // terms under 3 ulp, positive
    const std::vector<float> gradient = cuda_d_logvar.values();
    for (int64_t i = 0; i < std::min<int64_t>(n, 300); ++i) {
      expect_close(gradient[size_t(i)], 0.5 * double{scale} * std::expm1(double{logvar[i]}), 5);
    }

    // The value alone, and the gradients in place.
    DeviceBuffer<float> value(1);
    cuda::gaussian_kl(cuda_mean.data(), cuda_logvar.data(), n, scale, value.data(), nullptr,
                      nullptr, {});
    EXPECT_EQ(value.values()[0], cuda_loss.values()[0]);
    cuda::gaussian_kl(cuda_mean.data(), cuda_logvar.data(), n, scale, value.data(),
                      cuda_mean.data(), cuda_logvar.data(), {});
    EXPECT_EQ(value.values()[0], cuda_loss.values()[0]);
    expect_same_bits(cuda_mean.values(), d_mean, "d_mean in place");
    expect_same_bits(cuda_logvar.values(), d_logvar, "d_logvar in place");
  });
}

}  // namespace
}  // namespace burin::test
