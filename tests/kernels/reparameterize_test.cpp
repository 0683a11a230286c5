#include "kernels/reparameterize/reparameterize.h"

#include <gtest/gtest.h>

#include "kernels/common/parallel.h"
#include "kernels/random_fill/random_fill.h"
#include "tests/oracle.h"
#include "tests/support/kernel_case.h"

namespace burin::test {
namespace {

const uint64_t kStep = 11;
const RandomKey kKey{99, 2, &kStep};

TEST(Reparameterize, NoiseIsRandomNormal) {
  for (const int64_t n : kSizes) {
    const Buffer mean(random_values(n)), logvar(random_values(n, 2.0, 2));
    Buffer noise(n), z(n, 3), expected(n);
    cpu::random_normal(expected.data(), n, 1.0f, kKey, {});
    cpu::reparameterize_forward(mean.data(), logvar.data(), n, kKey, noise.data(), z.data(), {});
    EXPECT_EQ(noise.values(), expected.values());
  }
}

// exp is good to 2 ulp and sees logvar / 2 exactly; one rounding of the sum.
TEST(Reparameterize, ForwardIsTheOracle) {
  for (const int64_t n : kSizes) {
    const Buffer mean(random_values(n)), logvar(random_values(n, 4.0, 2));
    Buffer noise(n), z(n, 3);
    cpu::reparameterize_forward(mean.data(), logvar.data(), n, kKey, noise.data(), z.data(), {});
    for (int64_t i = 0; i < n; ++i) {
      const double expected = oracle::reparameterize(mean[i], logvar[i], noise[i]);
      expect_close(z[i], expected, 3, std::abs(expected - mean[i]), "z");
    }
  }
}

TEST(Reparameterize, BackwardIsTheFiniteDifference) {
  for (const int64_t n : kSizes) {
    const Buffer logvar(random_values(n, 1.5, 2)), noise(random_values(n, 1.0, 3));
    const Buffer d_z(random_values(n, 1.0, 4));
    Buffer d_mean(n, 2), d_logvar(n, 5);
    cpu::reparameterize_backward(logvar.data(), noise.data(), d_z.data(), d_mean.data(),
                                 d_logvar.data(), n, false, {});
    for (int64_t i = 0; i < n; ++i) {
      EXPECT_EQ(d_mean[i], d_z[i]);
      // exp to 2 ulp and two products.
      const double exact = 0.5 * d_z[i] * noise[i] * std::exp(0.5 * logvar[i]);
      expect_close(d_logvar[i], exact, 4, 0.0, "d_logvar");
      if (i >= 300) continue;
      const double slope = numeric_derivative(
          [&](double v) { return oracle::reparameterize(0.3, v, noise[i]); }, logvar[i]);
      const double expected = d_z[i] * slope;
      EXPECT_NEAR(d_logvar[i], expected, 1e-6 * std::abs(expected) + 1e-9);
      const double mean_slope = numeric_derivative(
          [&](double v) { return oracle::reparameterize(v, logvar[i], noise[i]); }, 0.3);
      EXPECT_NEAR(d_mean[i], d_z[i] * mean_slope, 1e-6 * std::abs(d_z[i]) + 1e-9);
    }
  }
}

TEST(Reparameterize, BackwardAccumulatesWhenAsked) {
  const int64_t n = 257;
  const Buffer logvar(random_values(n)), noise(random_values(n, 1.0, 2)),
      d_z(random_values(n, 1, 3));
  Buffer d_mean(n), d_logvar(n), sum_mean(random_values(n, 1, 4)),
      sum_logvar(random_values(n, 1, 5));
  const auto mean_before = sum_mean.values(), logvar_before = sum_logvar.values();
  cpu::reparameterize_backward(logvar.data(), noise.data(), d_z.data(), d_mean.data(),
                               d_logvar.data(), n, false, {});
  cpu::reparameterize_backward(logvar.data(), noise.data(), d_z.data(), sum_mean.data(),
                               sum_logvar.data(), n, true, {});
  for (int64_t i = 0; i < n; ++i) {
    EXPECT_EQ(sum_mean[i], mean_before[size_t(i)] + d_mean[i]);
    EXPECT_EQ(sum_logvar[i], logvar_before[size_t(i)] + d_logvar[i]);
  }
}

TEST(Reparameterize, AllowedOverlapsWork) {
  const int64_t n = 1027;
  const Buffer mean(random_values(n)), logvar(random_values(n, 1.0, 2));
  Buffer noise(n), z(n), again(n), over_mean(mean.values()), over_logvar(logvar.values());
  cpu::reparameterize_forward(mean.data(), logvar.data(), n, kKey, noise.data(), z.data(), {});
  cpu::reparameterize_forward(over_mean.data(), logvar.data(), n, kKey, again.data(),
                              over_mean.data(), {});
  cpu::reparameterize_forward(mean.data(), over_logvar.data(), n, kKey, again.data(),
                              over_logvar.data(), {});
  EXPECT_EQ(over_mean.values(), z.values());
  EXPECT_EQ(over_logvar.values(), z.values());

  Buffer d_mean(n), d_logvar(n), d_logvar_again(n), d_z(random_values(n, 1.0, 3));
  cpu::reparameterize_backward(logvar.data(), noise.data(), d_z.data(), d_mean.data(),
                               d_logvar.data(), n, false, {});
  cpu::reparameterize_backward(logvar.data(), noise.data(), d_z.data(), d_z.data(),
                               d_logvar_again.data(), n, false, {});
  EXPECT_EQ(d_z.values(), d_mean.values());
  EXPECT_EQ(d_logvar_again.values(), d_logvar.values());
}

TEST(Reparameterize, ThreadsDoNotMatter) {
  const int64_t n = 100349;
  const Buffer mean(random_values(n)), logvar(random_values(n, 1.0, 2)),
      d_z(random_values(n, 1, 3));
  std::vector<float> bits[2];
  for (const int threads : {1, 3}) {
    cpu::set_threads(threads);
    Buffer noise(n), z(n), d_mean(n), d_logvar(n);
    cpu::reparameterize_forward(mean.data(), logvar.data(), n, kKey, noise.data(), z.data(), {});
    cpu::reparameterize_backward(logvar.data(), noise.data(), d_z.data(), d_mean.data(),
                                 d_logvar.data(), n, false, {});
    for (const Buffer* b : {&noise, &z, &d_mean, &d_logvar}) {
      bits[threads / 2].insert(bits[threads / 2].end(), b->data(), b->data() + n);
    }
  }
  cpu::set_threads(1);
  EXPECT_EQ(bits[0], bits[1]);
}

TEST(Reparameterize, ExtremeValues) {
  const float infinity = std::numeric_limits<float>::infinity();
  const Buffer mean({1.0f, 1.0f, 2.0f, 3.0f, NAN, 0.0f, 5.0f, 6.0f});
  const Buffer logvar({-infinity, -300.0f, 170.0f, NAN, 0.0f, infinity, -150.0f, 88.0f});
  const int64_t n = mean.size();
  Buffer noise(n), z(n);
  cpu::reparameterize_forward(mean.data(), logvar.data(), n, kKey, noise.data(), z.data(), {});
  for (int64_t i = 0; i < n; ++i) {
    const double expected = oracle::reparameterize(mean[i], logvar[i], noise[i]);
    expect_close(z[i], expected, 3, std::abs(expected - mean[i]), "z");
  }
}

}  // namespace
}  // namespace burin::test
