#include "evaluation/latents.h"

#include <gtest/gtest.h>

#include "tests/evaluation/point_sets.h"

namespace burin::test {
namespace {

constexpr int64_t kLatent = 7, kImages = 40;

TEST(Latents, DivergenceIsTheIntegral) {
  const std::vector<float> heads = random_points(kImages, 2 * kLatent, 1, -0.3).values;
  std::vector<double> expected;
  for (size_t row = 0; row < kImages; ++row) {
    double sum = 0;
    for (size_t d = 0; d < kLatent; ++d) {
      const float* head = heads.data() + row * 2 * kLatent + d;
      sum += oracle::kl_of_normal(head[0], head[kLatent]);
    }
    expected.push_back(sum);
  }
  const Mean found = kl_of_posteriors(heads, kLatent);
  EXPECT_NEAR(found.value, mean_of(expected).value, 1e-9);  // of the midpoint rule
  EXPECT_NEAR(found.error, mean_of(expected).error, 1e-9);
  EXPECT_EQ(kl_of_posteriors(std::vector<float>(10, 0.0f), 5).value, 0);
}

// Means of latent d with a variance of about 0.01 * (d + 1)^2 / 4, far from zero.
TEST(Latents, ActiveOnesAreThoseWhoseMeansVary) {
  std::vector<float> heads;
  for (int64_t row = 0; row < kImages; ++row) {
    for (int64_t d = 0; d < kLatent; ++d) {
      heads.push_back(5.0f + (row % 2 == 0 ? 0.05f : -0.05f) * float(d + 1));
    }
    heads.insert(heads.end(), kLatent, 3.0f);  // log-variances do not matter
  }
  const std::vector<double> variances = variances_of_means(heads, kLatent);
  for (size_t d = 0; d < kLatent; ++d) {
    const double deviation = 0.05 * double(d + 1);
    EXPECT_NEAR(variances[d], deviation * deviation * 40 / 39, 1e-5);
  }
  EXPECT_EQ(active_units(variances), kLatent - 1);  // the second is at 0.01026
  EXPECT_EQ(active_units({0.01, 0.0, 0.5}), 1);
  EXPECT_THROW(variances_of_means(std::vector<float>(2 * kLatent), kLatent), std::invalid_argument);
}

TEST(Mean, HasAnError) {
  const Mean mean = mean_of({1, 2, 3, 4});
  EXPECT_DOUBLE_EQ(mean.value, 2.5);
  EXPECT_DOUBLE_EQ(mean.error, std::sqrt(5.0 / 3 / 4));
  EXPECT_EQ(mean_of({7}).error, 0);
}

}  // namespace
}  // namespace burin::test
