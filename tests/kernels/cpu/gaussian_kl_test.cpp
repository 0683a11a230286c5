// What the twins of gaussian_kl share, and the oracle itself.
#include "kernels/gaussian_kl/gaussian_kl.h"

#include "tests/oracle.h"
#include "tests/support/kernel_case.h"

namespace burin::test {
namespace {

// e^v - 1 - v at |v| = 1/2, where the series ends, is 0.11 to 0.15, and carries the error of an
// exponential of 0.6 to 1.6 that is good to 1.1 units: about 8 units of its own.
constexpr double kUlps = 9.0;

TEST(GaussianKlFormula, OracleIsTheIntegral) {
  for (const double mean : {-1.5, 0.0, 0.3}) {
    for (const double logvar : {-2.0, -0.1, 0.0, 1.0}) {
      EXPECT_NEAR(oracle::gaussian_kl(mean, logvar), oracle::gaussian_kl_integral(mean, logvar),
                  1e-9);
    }
  }
}

TEST(GaussianKlFormula, ExpRemaindersAreExact) {
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

}  // namespace
}  // namespace burin::test
