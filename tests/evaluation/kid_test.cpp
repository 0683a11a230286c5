#include "evaluation/kid.h"

#include <gtest/gtest.h>

#include "evaluation/mean.h"
#include "kernels/common/parallel.h"
#include "tests/evaluation/point_sets.h"
#include "tests/support/kernel_case.h"

namespace burin::test {
namespace {

// Every `stride`-th point from `first` on.
oracle::Values every(const Points& points, int64_t first, int64_t stride, int64_t count) {
  oracle::Values values;
  for (int64_t i = 0; i < count; ++i) {
    const float* row = points.row(first + i * stride);
    values.insert(values.end(), row, row + points.dim);
  }
  return values;
}

TEST(Kid, IsTheDefinition) {
  constexpr int64_t kDim = 13;
  const Points x = random_points(50, kDim, 1), y = random_points(67, kDim, 2, 0.3);
  // The kernel is about 1 in the mean; products have an error of some epsilon.
  const double tolerance = 40 * kEpsilon;
  const Kid one = kid(x, y, 1000);
  EXPECT_EQ(one.blocks, 1);
  EXPECT_EQ(one.block, 50);
  EXPECT_EQ(one.error, 0);
  EXPECT_NEAR(one.value, oracle::squared_mmd(in_double(x), every(y, 0, 1, 50), kDim), tolerance);

  const Kid blocks = kid(x, y, 16);
  EXPECT_EQ(blocks.blocks, 3);
  EXPECT_EQ(blocks.block, 16);
  std::vector<double> expected;
  for (int64_t i = 0; i < 3; ++i) {
    expected.push_back(oracle::squared_mmd(every(x, i, 3, 16), every(y, i, 4, 16), kDim));
  }
  EXPECT_NEAR(blocks.value, mean_of(expected).value, tolerance);
  EXPECT_NEAR(blocks.error, mean_of(expected).error, tolerance);
  cpu::set_threads(3);
  EXPECT_EQ(kid(x, y, 16).value, blocks.value);
  cpu::set_threads(1);
}

// Unbiased: of two samples of one distribution it is zero within its error.
TEST(Kid, IsZeroForTheSameDistribution) {
  const Kid same = kid(random_points(1000, 8, 1), random_points(1000, 8, 2), 50);
  EXPECT_EQ(same.blocks, 20);
  EXPECT_LT(std::abs(same.value), 4 * same.error);
  const Kid other = kid(random_points(1000, 8, 1), random_points(1000, 8, 2, 0.5), 50);
  EXPECT_GT(other.value, 10 * same.error);
}

TEST(Kid, RefusesTooFewPoints) {
  EXPECT_THROW(kid(random_points(1, 2, 1), random_points(9, 2, 1)), std::invalid_argument);
  EXPECT_THROW(kid(random_points(9, 2, 1), random_points(9, 2, 1), 1), std::invalid_argument);
  EXPECT_THROW(kid(random_points(9, 2, 1), random_points(9, 3, 1)), std::invalid_argument);
  EXPECT_NO_THROW(kid(random_points(2, 2, 1), random_points(2, 2, 1)));
}

}  // namespace
}  // namespace burin::test
