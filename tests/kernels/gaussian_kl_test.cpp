#include "kernels/gaussian_kl/gaussian_kl.h"

#include <gtest/gtest.h>

#include "kernels/common/parallel.h"
#include "tests/oracle.h"
#include "tests/support/kernel_case.h"

namespace burin::test {
namespace {

// e^v - 1 - v at |v| = 1/2, where the series ends, is 0.11 to 0.15, and carries the error of an
// exponential of 0.6 to 1.6 that is good to 1.1 units: about 8 units of its own.
constexpr double kUlps = 9.0;

TEST(GaussianKl, OracleIsTheIntegral) {
  for (const double mean : {-1.5, 0.0, 0.3}) {
    for (const double logvar : {-2.0, -0.1, 0.0, 1.0}) {
      EXPECT_NEAR(oracle::gaussian_kl(mean, logvar), oracle::gaussian_kl_integral(mean, logvar),
                  1e-9);
    }
  }
}

TEST(GaussianKl, ExpRemaindersAreExact) {
  for (int i = -20000; i <= 20000; ++i) {
    const double grid = i / 20000.0;
    const float v = static_cast<float>(grid * grid * grid * (grid > 0 ? 88.0 : 100.0));
    const long double exact = v;
    const ExpRemainders actual = exp_remainders(v);
    expect_close(actual.first, double(std::expm1(exact)), 3, 0.0, "e^v - 1");
    // Below that the long double subtraction itself has lost its digits, and v^2 / 2 is all.
    const double second =
        std::abs(v) < 1e-7f ? 0.5 * double(v) * double(v) : double(std::expm1(exact) - exact);
    const double ulps = std::abs(v) < 0.5f ? 3.0 : kUlps;  // the series: a product and a sum
    expect_close(actual.second, second, ulps, 0.0, "e^v - 1 - v");
  }
}

TEST(GaussianKl, ValueIsTheOracle) {
  for (const int64_t n : kSizes) {
    // An untrained encoder's log-variances, a usual one's, and far ones.
    for (const double deviation : {1e-3, 0.7, 5.0}) {
      const Buffer mean(random_values(n, deviation), 3), logvar(random_values(n, deviation, 2), 2);
      double expected = 0.0;
      for (int64_t i = 0; i < n; ++i) expected += oracle::gaussian_kl(mean[i], logvar[i]);
      for (const float scale : {1.0f / 128.0f, -2.0f}) {
        Buffer with_gradient(1), alone(1), d_mean(n), d_logvar(n);
        cpu::gaussian_kl(mean.data(), logvar.data(), n, scale, with_gradient.data(), d_mean.data(),
                         d_logvar.data(), {});
        cpu::gaussian_kl(mean.data(), logvar.data(), n, scale, alone.data(), nullptr, nullptr, {});
        expect_close(with_gradient[0], double(scale) * expected, kUlps + 1);
        EXPECT_EQ(with_gradient[0], alone[0]);
      }
    }
  }
}

TEST(GaussianKl, GradientIsTheFiniteDifference) {
  const float scale = 0.25f;
  for (const int64_t n : kSizes) {
    const Buffer mean(random_values(n), 2), logvar(random_values(n, 1.5, 2), 5);
    Buffer loss(1), d_mean(n, 3), d_logvar(n, 1);
    cpu::gaussian_kl(mean.data(), logvar.data(), n, scale, loss.data(), d_mean.data(),
                     d_logvar.data(), {});
    for (int64_t i = 0; i < n; ++i) {
      ASSERT_FALSE(std::isnan(d_mean[i]) || std::isnan(d_logvar[i]));
      // The exact formula: half a unit for the product, and e^v - 1 good to 3.
      expect_close(d_logvar[i], 0.5 * double(scale) * std::expm1(double(logvar[i])), 4);
    }
    for (int64_t i = 0; i < std::min<int64_t>(n, 300); ++i) {
      const double by_mean = numeric_derivative(
          [&](double m) { return scale * oracle::gaussian_kl(m, logvar[i]); }, mean[i]);
      const double by_logvar = numeric_derivative(
          [&](double v) { return scale * oracle::gaussian_kl(mean[i], v); }, logvar[i]);
      // The difference's own rounding: epsilon of double by the loss by 1 / h.
      const double noise = 1e-10 * (1.0 + oracle::gaussian_kl(mean[i], logvar[i]));
      EXPECT_NEAR(d_mean[i], by_mean, 2 * kEpsilon * std::abs(by_mean) + noise);
      EXPECT_NEAR(d_logvar[i], by_logvar, 4 * kEpsilon * std::abs(by_logvar) + 10 * noise);
    }
  }
}

TEST(GaussianKl, StandardNormalCostsNothing) {
  const Buffer mean({0.0f, -0.0f, 0.0f}), logvar({0.0f, 0.0f, -0.0f});
  Buffer loss(1), d_mean(3), d_logvar(3);
  cpu::gaussian_kl(mean.data(), logvar.data(), 3, 1.0f, loss.data(), d_mean.data(), d_logvar.data(),
                   {});
  EXPECT_EQ(loss[0], 0.0f);
  for (int64_t i = 0; i < 3; ++i) {
    EXPECT_EQ(d_mean[i], 0.0f);
    EXPECT_EQ(d_logvar[i], 0.0f);
  }
  cpu::gaussian_kl(nullptr, nullptr, 0, 1.0f, loss.data(), nullptr, nullptr, {});
  EXPECT_EQ(loss[0], 0.0f);
}

TEST(GaussianKl, ExtremeValues) {
  const float infinity = std::numeric_limits<float>::infinity();
  const Buffer zero(std::vector<float>{0.0f}), far(std::vector<float>{-1e4f}),
      collapsed(std::vector<float>{-200.0f}), wide(std::vector<float>{88.0f}),
      over(std::vector<float>{89.0f});
  Buffer loss(1), d_mean(1), d_logvar(1);
  const auto run = [&](const Buffer& mean, const Buffer& logvar) {
    cpu::gaussian_kl(mean.data(), logvar.data(), 1, 1.0f, loss.data(), d_mean.data(),
                     d_logvar.data(), {});
  };
  run(far, collapsed);
  expect_close(loss[0], oracle::gaussian_kl(-1e4, -200.0), 2);
  EXPECT_EQ(d_mean[0], -1e4f);
  EXPECT_EQ(d_logvar[0], -0.5f);
  run(zero, wide);
  expect_close(loss[0], oracle::gaussian_kl(0.0, 88.0), 3);
  run(zero, over);
  EXPECT_EQ(loss[0], infinity);
  EXPECT_EQ(d_logvar[0], infinity);
  const Buffer nan(std::vector<float>{NAN});
  run(nan, zero);
  EXPECT_TRUE(std::isnan(loss[0]) && std::isnan(d_mean[0]));
  run(zero, nan);
  EXPECT_TRUE(std::isnan(loss[0]) && std::isnan(d_logvar[0]));
}

TEST(GaussianKl, WorksInPlace) {
  for (const int64_t n : kSizes) {
    const Buffer mean(random_values(n)), logvar(random_values(n, 1.0, 2));
    Buffer losses(2), d_mean(n), d_logvar(n);
    Buffer mean_in_place(mean.values()), logvar_in_place(logvar.values());
    cpu::gaussian_kl(mean.data(), logvar.data(), n, 0.1f, &losses[0], d_mean.data(),
                     d_logvar.data(), {});
    cpu::gaussian_kl(mean_in_place.data(), logvar_in_place.data(), n, 0.1f, &losses[1],
                     mean_in_place.data(), logvar_in_place.data(), {});
    EXPECT_EQ(losses[0], losses[1]);
    EXPECT_EQ(d_mean.values(), mean_in_place.values());
    EXPECT_EQ(d_logvar.values(), logvar_in_place.values());
  }
}

TEST(GaussianKl, ThreadsDoNotChangeTheBits) {
  const int64_t n = 700001;
  const Buffer mean(random_values(n)), logvar(random_values(n, 1.0, 2));
  Buffer losses(2), d_mean1(n), d_mean3(n), d_logvar1(n), d_logvar3(n);
  cpu::set_threads(1);
  cpu::gaussian_kl(mean.data(), logvar.data(), n, 0.1f, &losses[0], d_mean1.data(),
                   d_logvar1.data(), {});
  cpu::set_threads(3);
  cpu::gaussian_kl(mean.data(), logvar.data(), n, 0.1f, &losses[1], d_mean3.data(),
                   d_logvar3.data(), {});
  cpu::set_threads(1);
  EXPECT_EQ(losses[0], losses[1]);
  EXPECT_EQ(d_mean1.values(), d_mean3.values());
  EXPECT_EQ(d_logvar1.values(), d_logvar3.values());
}

}  // namespace
}  // namespace burin::test
