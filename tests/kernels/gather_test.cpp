#include "kernels/gather/gather.h"

#include <gtest/gtest.h>

#include <map>
#include <numeric>
#include <random>
#include <set>
#include <vector>

#include "kernels/common/parallel.h"
#include "tests/oracle.h"
#include "tests/support/kernel_case.h"

namespace burin::test {
namespace {

const uint64_t kStep = 21;
const RandomKey kKey{77, 4, &kStep};
constexpr oracle::Draw kDraw{77, 4, 21};

std::vector<int32_t> order(uint64_t seed, uint64_t epoch, int64_t count, uint32_t stream = 0) {
  std::vector<int32_t> indices;
  for (int64_t i = 0; i < count; ++i) {
    indices.push_back(shuffled_index(seed, epoch, i, count, stream));
  }
  return indices;
}

std::vector<int32_t> batch_at(uint64_t step, int64_t count, int64_t batch) {
  constexpr int32_t kGuard = -77;
  std::vector<int32_t> indices(size_t(batch) + 2, kGuard);
  cpu::batch_indices(count, batch, {9, 1, &step}, indices.data() + 1, {});
  EXPECT_EQ(indices.front(), kGuard);
  EXPECT_EQ(indices.back(), kGuard);
  return {indices.begin() + 1, indices.end() - 1};
}

std::vector<uint8_t> random_bytes(int64_t n) {
  std::vector<uint8_t> bytes;
  std::mt19937 engine(5);
  while (int64_t(bytes.size()) < n) bytes.push_back(uint8_t(engine() >> 24));
  return bytes;
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

TEST(BatchIndices, AreTheEpochsOrderInPieces) {
  const int64_t count = 1000, batch = 128;  // 7 steps an epoch, 104 examples left out
  for (const uint64_t epoch : {0, 1, 5}) {
    std::vector<int32_t> seen;
    for (uint64_t s = 0; s < 7; ++s) {
      const auto indices = batch_at(epoch * 7 + s, count, batch);
      seen.insert(seen.end(), indices.begin(), indices.end());
    }
    auto expected = order(9, epoch, count, 1);
    expected.resize(7 * 128);
    EXPECT_EQ(seen, expected);
    EXPECT_EQ(std::set<int32_t>(seen.begin(), seen.end()).size(), size_t(7 * 128));
  }
}

TEST(BatchIndices, EdgesOfTheContract) {
  EXPECT_EQ(batch_at(3, 1, 1), std::vector<int32_t>{0});
  EXPECT_EQ(batch_at(7, 10, 10), order(9, 7, 10, 1));
  EXPECT_EQ(batch_at(1, 11, 6), [] {
    auto p = order(9, 1, 11, 1);
    p.resize(6);
    return p;
  }());
  // A step far beyond 2^32.
  const uint64_t far = (uint64_t{1} << 50) + 1;
  EXPECT_EQ(batch_at(far, 4, 1)[0], shuffled_index(9, far / 4, int64_t(far % 4), 4, 1));
}

// Rows to gather: repeated, first and last.
std::vector<int32_t> some_rows(int64_t rows, int64_t count) {
  std::vector<int32_t> indices;
  for (int64_t r = 0; r < rows; ++r) indices.push_back(int32_t((r * 7 + count - 1) % count));
  return indices;
}

struct Shape {
  int64_t rows, cols;
};
// One column, columns off the block of four and off the tile, the models' own.
constexpr Shape kShapes[] = {{1, 1}, {3, 1}, {300, 1}, {5, 3}, {127, 31}, {33, 257}, {128, 784}};
constexpr int64_t kCount = 10;

TEST(GatherScale, IsTheOracle) {
  for (const auto [rows, cols] : kShapes) {
    const auto images = random_bytes(kCount * cols);
    const auto indices = some_rows(rows, kCount);
    Buffer out(rows * cols, 3);
    cpu::gather_scale(images.data(), indices.data(), rows, cols, 2.0f / 255.0f, -1.0f, out.data(),
                      {});
    for (int64_t i = 0; i < rows * cols; ++i) {
      const double product =
          double(2.0f / 255.0f) * images[size_t(indices[size_t(i / cols)] * cols + i % cols)];
      const double expected = product - 1.0;  // half an ulp of each, product and sum
      expect_close(out[i], expected, 0.5, product + std::abs(expected), "pixel");
    }
  }
}

TEST(GatherScale, EndsOfTheRange) {
  const uint8_t images[] = {0, 255};
  Buffer unit(2), wide(2);
  cpu::gather_scale(images, nullptr, 2, 1, 1.0f / 255.0f, 0.0f, unit.data(), {});
  cpu::gather_scale(images, nullptr, 2, 1, 2.0f / 255.0f, -1.0f, wide.data(), {});
  EXPECT_EQ(unit.values(), (std::vector<float>{0.0f, 1.0f}));
  EXPECT_EQ(wide.values(), (std::vector<float>{-1.0f, 1.0f}));
}

TEST(GatherBinarize, IsTheOracle) {
  for (const auto [rows, cols] : kShapes) {
    const auto images = random_bytes(kCount * cols);
    const auto indices = some_rows(rows, kCount);
    Buffer out(rows * cols, 3);
    cpu::gather_binarize(images.data(), indices.data(), rows, cols, kKey, out.data(), {});
    for (int64_t i = 0; i < rows * cols; ++i) {
      const uint8_t byte = images[size_t(indices[size_t(i / cols)] * cols + i % cols)];
      ASSERT_EQ(out[i], oracle::binarize(byte, kDraw, i)) << i;
    }
  }
}

TEST(GatherBinarize, BlackAndWhiteAreCertainWhateverTheWord) {
  for (const uint32_t word : {0u, 255u, 256u, 0x80000000u, 0xfffffeffu, 0xffffff00u, 0xffffffffu}) {
    EXPECT_EQ(binarize(0, word), 0.0f);
    EXPECT_EQ(binarize(255, word), 1.0f);
  }
  // The smallest and the largest word still decide between grey bytes.
  EXPECT_EQ(binarize(1, 0), 1.0f);
  EXPECT_EQ(binarize(254, 0xffffffffu), 0.0f);
}

// Each byte comes out 1 with probability byte / 255: within 4.5 deviations for all 256 bytes.
TEST(GatherBinarize, FrequenciesAreTheBytes) {
  const int64_t cols = 20000;
  std::vector<uint8_t> images;
  for (int byte = 0; byte < 256; ++byte) images.insert(images.end(), size_t(cols), uint8_t(byte));
  Buffer out(256 * cols);
  cpu::gather_binarize(images.data(), nullptr, 256, cols, kKey, out.data(), {});
  for (int64_t byte = 0; byte < 256; ++byte) {
    double ones = 0.0;
    for (int64_t c = 0; c < cols; ++c) ones += out[byte * cols + c];
    const double p = double(byte) / 255.0;
    EXPECT_NEAR(ones, p * double(cols), 4.5 * std::sqrt(double(cols) * p * (1.0 - p))) << byte;
  }
}

TEST(Gather, NoIndicesMeansTheFirstRows) {
  const int64_t rows = 9, cols = 31;
  const auto images = random_bytes(kCount * cols);
  std::vector<int32_t> first(static_cast<size_t>(rows));
  std::iota(first.begin(), first.end(), 0);
  Buffer a(rows * cols), b(rows * cols), c(rows * cols), d(rows * cols);
  cpu::gather_scale(images.data(), first.data(), rows, cols, 0.5f, 0.25f, a.data(), {});
  cpu::gather_scale(images.data(), nullptr, rows, cols, 0.5f, 0.25f, b.data(), {});
  cpu::gather_binarize(images.data(), first.data(), rows, cols, kKey, c.data(), {});
  cpu::gather_binarize(images.data(), nullptr, rows, cols, kKey, d.data(), {});
  EXPECT_EQ(a.values(), b.values());
  EXPECT_EQ(c.values(), d.values());
}

TEST(Gather, ThreadsDoNotMatter) {
  const int64_t rows = 131, cols = 783;
  const auto images = random_bytes(kCount * cols);
  const auto indices = some_rows(rows, kCount);
  Buffer scale1(rows * cols), scale3(rows * cols), bits1(rows * cols), bits3(rows * cols);
  cpu::set_threads(1);
  cpu::gather_scale(images.data(), indices.data(), rows, cols, 0.1f, 0.2f, scale1.data(), {});
  cpu::gather_binarize(images.data(), indices.data(), rows, cols, kKey, bits1.data(), {});
  cpu::set_threads(3);
  cpu::gather_scale(images.data(), indices.data(), rows, cols, 0.1f, 0.2f, scale3.data(), {});
  cpu::gather_binarize(images.data(), indices.data(), rows, cols, kKey, bits3.data(), {});
  cpu::set_threads(1);
  EXPECT_EQ(scale1.values(), scale3.values());
  EXPECT_EQ(bits1.values(), bits3.values());
}

TEST(Gather, NoRowsAndNoColumnsWriteNothing) {
  const uint8_t image = 3;
  Buffer out(1);
  cpu::gather_scale(&image, nullptr, 0, 784, 1.0f, 0.0f, out.data(), {});
  cpu::gather_scale(&image, nullptr, 5, 0, 1.0f, 0.0f, out.data(), {});
  cpu::gather_binarize(&image, nullptr, 0, 784, kKey, out.data(), {});
  cpu::gather_binarize(&image, nullptr, 5, 0, kKey, out.data(), {});
  EXPECT_TRUE(std::isnan(out[0]));
}

TEST(GatherLabels, PicksLabels) {
  const uint8_t labels[] = {7, 0, 255, 9};
  const int32_t indices[] = {3, 3, 0, 2, 1};
  std::vector<int32_t> out(6, -1);
  cpu::gather_labels(labels, indices, 5, out.data(), {});
  EXPECT_EQ(out, (std::vector<int32_t>{9, 9, 7, 255, 0, -1}));
  cpu::gather_labels(labels, nullptr, 4, out.data(), {});
  EXPECT_EQ(out, (std::vector<int32_t>{7, 0, 255, 9, 0, -1}));
}

}  // namespace
}  // namespace burin::test
