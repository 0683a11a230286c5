// What the twins of gather share: the permutation of an epoch, and the drawing of a pixel.
#include "kernels/gather/gather.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>
#include <vector>

namespace burin::test {
namespace {

std::vector<int32_t> order(uint64_t seed, uint64_t epoch, int64_t count, uint32_t stream = 0) {
  std::vector<int32_t> indices;
  for (int64_t i = 0; i < count; ++i) {
    indices.push_back(shuffled_index(seed, epoch, i, count, stream));
  }
  return indices;
}

TEST(Shuffle, IsAPermutation) {
  for (const int64_t count : {1, 2, 3, 4, 5, 127, 128, 129, 60000, 65537}) {
    for (const uint64_t epoch : {uint64_t{0}, uint64_t{1}, ~uint64_t{0}}) {
      std::vector<int> seen(size_t(count), 0);
      for (const int32_t i : order(3, epoch, count)) {
        ASSERT_TRUE(i >= 0 && i < count);
        seen[size_t(i)] += 1;
      }
      for (const int times : seen) ASSERT_EQ(times, 1);
    }
  }
}

TEST(Shuffle, TheLargestCountWorks) {
  const int64_t count = (int64_t{1} << 31) - 1;
  std::set<int32_t> seen;
  for (int64_t i = 0; i < 1000; ++i) {
    const int32_t index = shuffled_index(3, 4, count - 1 - i, count);
    EXPECT_GE(index, 0);
    EXPECT_LT(index, count);
    seen.insert(index);
  }
  EXPECT_EQ(seen.size(), 1000u);
}

// A random permutation has one fixed point on average, and so has one relative to another.
TEST(Shuffle, EpochSeedAndStreamEachGiveAnotherOrder) {
  const auto base = order(3, 0, 60000);
  for (const auto& other : {order(3, 1, 60000), order(4, 0, 60000), order(3, 0, 60000, 1)}) {
    int same = 0;
    for (size_t i = 0; i < base.size(); ++i) same += base[i] == other[i];
    EXPECT_LT(same, 8);
  }
}

// Every permutation of three and of four things comes up equally often over epochs.
TEST(Shuffle, SmallPermutationsAreEquallyLikely) {
  for (const int64_t count : {3, 4}) {
    std::map<std::vector<int32_t>, double> seen;
    const double epochs = 24000;
    for (uint64_t epoch = 0; epoch < uint64_t(epochs); ++epoch) seen[order(11, epoch, count)] += 1;
    const size_t permutations = count == 3 ? 6 : 24;
    EXPECT_EQ(seen.size(), permutations);
    const double expected = epochs / double(permutations);
    double chi_square = 0.0;
    for (const auto& [p, times] : seen) {
      chi_square += (times - expected) * (times - expected) / expected;
    }
    EXPECT_LT(chi_square, count == 3 ? 20.5 : 49.7);  // 5, 23 degrees: once in a thousand
  }
}

// Over epochs, any position sees any example equally often.
TEST(Shuffle, PositionsAreUniform) {
  const int64_t count = 100;
  for (const int64_t position : {0, 1, 57, 99}) {
    std::vector<double> seen(static_cast<size_t>(count));
    const int epochs = 20000;
    for (uint64_t epoch = 0; epoch < epochs; ++epoch) {
      seen[size_t(shuffled_index(5, epoch, position, count))] += 1;
    }
    double chi_square = 0.0;
    const double expected = double(epochs) / double(count);
    for (const double times : seen)
      chi_square += (times - expected) * (times - expected) / expected;
    EXPECT_LT(chi_square, 148.2);  // 99 degrees: once in a thousand
    EXPECT_GT(chi_square, 60.0);
  }
}

// Neighbours in the order are unrelated: |a - b| / count has mean 1/3 and variance 1/18.
TEST(Shuffle, NeighboursAreUnrelated) {
  const int64_t count = 60000;
  for (uint64_t epoch = 0; epoch < 3; ++epoch) {
    const auto p = order(1, epoch, count);
    for (const size_t lag : {1, 2, 128, 256}) {
      double sum = 0.0;
      for (size_t i = 0; i + lag < p.size(); ++i) sum += std::abs(p[i] - p[i + lag]);
      const double mean = sum / double(p.size() - lag) / double(count);
      EXPECT_NEAR(mean, 1.0 / 3.0, 5.0 / std::sqrt(18.0 * double(count)));
    }
  }
}

TEST(Binarize, BlackAndWhiteAreCertainWhateverTheWord) {
  for (const uint32_t word : {0u, 255u, 256u, 0x80000000u, 0xfffffeffu, 0xffffff00u, 0xffffffffu}) {
    EXPECT_EQ(binarize(0, word), 0.0f);
    EXPECT_EQ(binarize(255, word), 1.0f);
  }
  // The smallest and the largest word still decide between grey bytes.
  EXPECT_EQ(binarize(1, 0), 1.0f);
  EXPECT_EQ(binarize(254, 0xffffffffu), 0.0f);
}

}  // namespace
}  // namespace burin::test
