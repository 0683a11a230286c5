#include "evaluation/distances.h"

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/common/parallel.h"
#include "tests/evaluation/point_sets.h"
#include "tests/support/kernel_case.h"

namespace burin::test {
namespace {

// A chain of `dim` products of numbers as large as the norms, in single precision.
double tolerance(double magnitude, int64_t dim) {
  return kEpsilon * double(dim) * magnitude;
}

TEST(Distances, AreThose) {
  for (const auto& [n, m, dim] :
       {std::tuple(37, 53, 19), std::tuple(1, 1, 1), std::tuple(5, 2, 784), std::tuple(1, 40, 3),
        std::tuple(300, 9001, 2)}) {
    SCOPED_TRACE(testing::Message() << n << " x " << m << ", " << dim);
    // Far from the origin: the mean is taken out.
    const Points a = random_points(n, dim, 1, 100), b = random_points(m, dim, 2, 100);
    const oracle::Values x = in_double(a), y = in_double(b);
    int64_t next = 0;
    squared_distances(a, b, [&](int64_t first, int64_t rows, const float* d) {
      EXPECT_EQ(first, next);
      next += rows;
      for (int64_t i = first; i < first + rows; i += std::max<int64_t>(1, n / 7)) {
        for (int64_t j = 0; j < m; j += std::max<int64_t>(1, m / 11)) {
          const double expected = oracle::squared_distance(x, size_t(i), y, size_t(j), size_t(dim));
          EXPECT_NEAR(d[(i - first) * m + j], expected, tolerance(8.0 * dim + expected, dim))
              << i << ", " << j;
        }
      }
    });
    EXPECT_EQ(next, n);
  }
}

TEST(Distances, AreNeverNegative) {
  const Points a = random_points(60, 30, 3);
  squared_distances(a, a, [&](int64_t first, int64_t rows, const float* d) {
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = 0; j < a.count; ++j) EXPECT_GE(d[i * a.count + j], 0.0f);
      EXPECT_LE(d[i * a.count + first + i], tolerance(60, 30));
    }
  });
}

TEST(Distances, RadiiAreThose) {
  const Points a = random_points(70, 11, 4);
  const oracle::Values x = in_double(a);
  const std::vector<int64_t> ks = {1, 3, 5, 16};
  const auto radii = squared_radii(a, ks);
  for (size_t j = 0; j < ks.size(); ++j) {
    for (size_t i = 0; i < 70; ++i) {
      EXPECT_NEAR(radii[j][i], oracle::squared_radius(x, i, size_t(ks[j]), 11), tolerance(40, 11));
    }
  }
  cpu::set_threads(3);
  EXPECT_EQ(squared_radii(a, ks), radii);
  cpu::set_threads(1);
}

TEST(Distances, RefuseWhatCannotBe) {
  const Points five = random_points(5, 2, 1), other = random_points(5, 3, 1);
  EXPECT_THROW(squared_radii(five, {5}), std::invalid_argument);
  EXPECT_THROW(squared_radii(five, {0}), std::invalid_argument);
  EXPECT_NO_THROW(squared_radii(five, {4}));
  EXPECT_THROW(squared_radii(random_points(50, 2, 1), {17}), std::invalid_argument);
  EXPECT_THROW(squared_distances(five, other, [](int64_t, int64_t, const float*) {}),
               std::invalid_argument);
}

}  // namespace
}  // namespace burin::test
