// What the twins of random_fill share.
#include "kernels/random_fill/random_fill.h"

#include <gtest/gtest.h>

namespace burin::test {
namespace {

// Every radius that can be drawn: real, finite, falling with u1 but for the last bits.
TEST(NormalPair, EveryRadiusIsFinite) {
  float before = 6.0f;
  for (uint32_t k = 0; k < (1u << 24); ++k) {
    float first, second;
    normal_pair(k << 8, 0, &first, &second);  // angle 0: the radius itself
    ASSERT_TRUE(first >= 0.0f && first <= before + 1e-6f) << k;
    ASSERT_EQ(second, 0.0f);
    before = first;
  }
  EXPECT_EQ(before, 0.0f);  // u1 = 1
}

}  // namespace
}  // namespace burin::test
