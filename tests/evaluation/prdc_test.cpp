#include "evaluation/prdc.h"

#include <gtest/gtest.h>

#include "kernels/common/parallel.h"
#include "tests/evaluation/point_sets.h"

namespace burin::test {
namespace {

Prdc prdc_of(const Points& real, const Points& generated) {
  return prdc(real, neighbour_radii(real), generated, neighbour_radii(generated));
}

// A count that a rounding of a distance could change would show as a whole point; none is so near
// here.
TEST(Prdc, IsTheDefinition) {
  for (const auto& [n, m, shift, scale] :
       {std::tuple(60, 60, 0.0, 1.0), std::tuple(47, 83, 0.6, 0.8), std::tuple(91, 6, 0.2, 0.4),
        std::tuple(6, 50, 0.0, 1.5)}) {
    SCOPED_TRACE(testing::Message() << n << ", " << m);
    constexpr int64_t kDim = 5;
    const Points real = random_points(n, kDim, 1), made = random_points(m, kDim, 2, shift, scale);
    const oracle::Values x = in_double(real), y = in_double(made);
    const Prdc found = prdc_of(real, made);
    EXPECT_NEAR(found.precision, oracle::within(x, y, 3, kDim), 1e-12);
    EXPECT_NEAR(found.recall, oracle::within(y, x, 3, kDim), 1e-12);
    const auto [density, coverage] = oracle::density_coverage(x, y, 5, kDim);
    EXPECT_NEAR(found.density, density, 1e-12);
    EXPECT_NEAR(found.coverage, coverage, 1e-12);
    cpu::set_threads(4);
    EXPECT_EQ(prdc_of(real, made).density, found.density);
    cpu::set_threads(1);
  }
}

// Neither sees the other: all zero. One point drawn again and again: precise, but it covers little.
TEST(Prdc, OfExtremes) {
  const Points real = random_points(200, 4, 1);
  const Prdc apart = prdc_of(real, random_points(200, 4, 2, 50));
  EXPECT_EQ(apart.precision, 0);
  EXPECT_EQ(apart.recall, 0);
  EXPECT_EQ(apart.density, 0);
  EXPECT_EQ(apart.coverage, 0);
  std::vector<float> same;
  for (int i = 0; i < 200; ++i) same.insert(same.end(), real.row(7), real.row(7) + 4);
  const Prdc collapsed = prdc_of(real, Points(4, same));
  EXPECT_EQ(collapsed.precision, 1);
  EXPECT_LT(collapsed.recall, 0.05);
  EXPECT_LT(collapsed.coverage, 0.1);
}

TEST(Prdc, RefusesTooFewPoints) {
  EXPECT_THROW(neighbour_radii(random_points(kPrdcLeast - 1, 2, 1)), std::invalid_argument);
  EXPECT_NO_THROW(neighbour_radii(random_points(kPrdcLeast, 2, 1)));
}

}  // namespace
}  // namespace burin::test
