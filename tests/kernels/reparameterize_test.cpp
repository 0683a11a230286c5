#include "kernels/reparameterize/reparameterize.h"

#include "kernels/random_fill/random_fill.h"
#include "tests/kernels/random_case.h"

namespace burin::test {
namespace {

class Reparameterize : public TwinTest {};

TEST_F(Reparameterize, NoiseIsRandomNormal) {
  for (const int64_t n : kSizes) {
    const Buffer mean(random_values(n)), logvar(random_values(n, 2.0, 2));
    Buffer noise(n), z(n, 3), expected(n);
    twin::random_normal(expected.data(), n, 1.0f, Key(), {});
    twin::reparameterize_forward(mean.data(), logvar.data(), n, Key(), noise.data(), z.data(), {});
    EXPECT_EQ(noise.values(), expected.values());
  }
}

// exp is good to 2 ulp and sees logvar / 2 exactly; one rounding of the sum.
TEST_F(Reparameterize, ForwardIsTheOracle) {
  for (const int64_t n : kSizes) {
    const Buffer mean(random_values(n)), logvar(random_values(n, 4.0, 2));
    Buffer noise(n), z(n, 3);
    twin::reparameterize_forward(mean.data(), logvar.data(), n, Key(), noise.data(), z.data(), {});
    for (int64_t i = 0; i < n; ++i) {
      const double expected = oracle::reparameterize(mean[i], logvar[i], noise[i]);
      expect_close(z[i], expected, 3, std::abs(expected - mean[i]), "z");
    }
  }
}

TEST_F(Reparameterize, ExtremeValues) {
  const float infinity = std::numeric_limits<float>::infinity();
  const Buffer mean({1.0f, 1.0f, 2.0f, 3.0f, NAN, 0.0f, 5.0f, 6.0f});
  const Buffer logvar({-infinity, -300.0f, 170.0f, NAN, 0.0f, infinity, -150.0f, 88.0f});
  const int64_t n = mean.size();
  Buffer noise(n), z(n);
  twin::reparameterize_forward(mean.data(), logvar.data(), n, Key(), noise.data(), z.data(), {});
  for (int64_t i = 0; i < n; ++i) {
    const double expected = oracle::reparameterize(mean[i], logvar[i], noise[i]);
    expect_close(z[i], expected, 3, std::abs(expected - mean[i]), "z");
  }
}

}  // namespace
}  // namespace burin::test
