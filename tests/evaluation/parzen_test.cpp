#include "evaluation/parzen.h"

#include <gtest/gtest.h>

#include "tests/evaluation/point_sets.h"
#include "tests/support/kernel_case.h"

namespace burin::test {
namespace {

TEST(Parzen, IsTheDefinition) {
  constexpr int64_t kDim = 9;
  const Points centres = random_points(41, kDim, 1), points = random_points(23, kDim, 2, 0.1);
  const std::vector<double> sigmas = {0.05, 0.3, 1.0, 4.0};
  const auto found = parzen_log_likelihoods(centres, points, sigmas);
  for (size_t s = 0; s < sigmas.size(); ++s) {
    for (size_t i = 0; i < 23; ++i) {
      const double expected =
          oracle::parzen(in_double(centres), in_double(points), i, sigmas[s], kDim);
      // The distance is a product of kDim terms of norms of about kDim.
      const double of_distance = kEpsilon * kDim * 4 * kDim / (2 * sigmas[s] * sigmas[s]);
      EXPECT_NEAR(found[s][i], expected, of_distance + 1e-12 * std::abs(expected));
    }
  }
}

// The best of the grid for the points held out, whatever is best for the others.
TEST(Parzen, ChoosesSigmaByWhatWasHeldOut) {
  const Points centres = random_points(60, 6, 1, 0, 0.3);
  const Points held_out = random_points(30, 6, 2, 0, 0.3), points = random_points(30, 6, 3, 2, 0.3);
  const Parzen found = parzen(centres, held_out, points);
  std::vector<double> of_grid;
  for (const double sigma : parzen_sigmas()) {
    double sum = 0;
    for (size_t i = 0; i < 30; ++i) {
      sum += oracle::parzen(in_double(centres), in_double(held_out), i, sigma, 6);
    }
    of_grid.push_back(sum);
  }
  const size_t best = size_t(std::max_element(of_grid.begin(), of_grid.end()) - of_grid.begin());
  EXPECT_GT(best, 0u);
  EXPECT_LT(best, 9u);
  EXPECT_EQ(found.sigma, parzen_sigmas()[best]);
  const Mean expected = mean_of(parzen_log_likelihoods(centres, points, {found.sigma})[0]);
  EXPECT_EQ(found.nats.value, expected.value);
  EXPECT_EQ(found.nats.error, expected.error);
  EXPECT_GT(found.nats.error, 0);
}

TEST(Parzen, GridIsTenInEqualRatios) {
  const std::vector<double> sigmas = parzen_sigmas();
  ASSERT_EQ(sigmas.size(), 10u);
  EXPECT_NEAR(sigmas.front(), 0.1, 1e-15);
  EXPECT_NEAR(sigmas.back(), 1.0, 1e-15);
  EXPECT_NEAR(sigmas[4] / sigmas[3], sigmas[9] / sigmas[8], 1e-12);
}

TEST(Parzen, RefusesWhatCannotBe) {
  const Points points = random_points(3, 2, 1);
  EXPECT_THROW(parzen_log_likelihoods(Points(2, {}), points, {1}), std::invalid_argument);
  EXPECT_THROW(parzen_log_likelihoods(points, points, {0}), std::invalid_argument);
}

}  // namespace
}  // namespace burin::test
