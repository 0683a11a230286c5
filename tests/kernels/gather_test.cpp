#include "kernels/gather/gather.h"

#include <numeric>
#include <random>
#include <set>
#include <vector>

#include "tests/kernels/random_case.h"

namespace burin::test {
namespace {

class BatchIndices : public TwinTest {};
class GatherScale : public TwinTest {};
class GatherBinarize : public TwinTest {};
class Gather : public TwinTest {};
class GatherLabels : public TwinTest {};

constexpr int64_t kCount = 10;

std::vector<int32_t> order(uint64_t seed, uint64_t epoch, int64_t count, uint32_t stream = 0) {
  std::vector<int32_t> indices;
  for (int64_t i = 0; i < count; ++i) {
    indices.push_back(shuffled_index(seed, epoch, i, count, stream));
  }
  return indices;
}

std::vector<int32_t> batch_at(uint64_t step, int64_t count, int64_t batch) {
  BufferOf<int32_t> indices(batch);
  twin::batch_indices(count, batch, Key(9, 1, step), indices.data(), {});
  return indices.values();
}

std::vector<uint8_t> random_bytes(int64_t n) {
  std::vector<uint8_t> bytes;
  std::mt19937 engine(5);
  while (int64_t(bytes.size()) < n) bytes.push_back(uint8_t(engine() >> 24));
  return bytes;
}

TEST_F(BatchIndices, AreTheEpochsOrderInPieces) {
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

TEST_F(BatchIndices, EdgesOfTheContract) {
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

TEST_F(GatherScale, EndsOfTheRange) {
  const BufferOf<uint8_t> images(std::vector<uint8_t>{0, 255});
  Buffer unit(2), wide(2);
  twin::gather_scale(images.data(), nullptr, 2, 1, 1.0f / 255.0f, 0.0f, unit.data(), {});
  twin::gather_scale(images.data(), nullptr, 2, 1, 2.0f / 255.0f, -1.0f, wide.data(), {});
  EXPECT_EQ(unit.values(), (std::vector<float>{0.0f, 1.0f}));
  EXPECT_EQ(wide.values(), (std::vector<float>{-1.0f, 1.0f}));
}

// Each byte comes out 1 with probability byte / 255: within 4.5 deviations for all 256 bytes.
TEST_F(GatherBinarize, FrequenciesAreTheBytes) {
  const int64_t cols = 20000;
  std::vector<uint8_t> images;
  for (int byte = 0; byte < 256; ++byte) images.insert(images.end(), size_t(cols), uint8_t(byte));
  const BufferOf<uint8_t> bytes(images);
  Buffer out(256 * cols);
  twin::gather_binarize(bytes.data(), nullptr, 256, cols, Key(), out.data(), {});
  for (int64_t byte = 0; byte < 256; ++byte) {
    double ones = 0.0;
    for (int64_t c = 0; c < cols; ++c) ones += out[byte * cols + c];
    const double p = double(byte) / 255.0;
    EXPECT_NEAR(ones, p * double(cols), 4.5 * std::sqrt(double(cols) * p * (1.0 - p))) << byte;
  }
}

TEST_F(Gather, NoIndicesMeansTheFirstRows) {
  const int64_t rows = 9, cols = 31;
  const BufferOf<uint8_t> images(random_bytes(kCount * cols));
  std::vector<int32_t> in_order(static_cast<size_t>(rows));
  std::iota(in_order.begin(), in_order.end(), 0);
  const BufferOf<int32_t> first(in_order);
  Buffer a(rows * cols), b(rows * cols), c(rows * cols), d(rows * cols);
  twin::gather_scale(images.data(), first.data(), rows, cols, 0.5f, 0.25f, a.data(), {});
  twin::gather_scale(images.data(), nullptr, rows, cols, 0.5f, 0.25f, b.data(), {});
  twin::gather_binarize(images.data(), first.data(), rows, cols, Key(), c.data(), {});
  twin::gather_binarize(images.data(), nullptr, rows, cols, Key(), d.data(), {});
  EXPECT_EQ(a.values(), b.values());
  EXPECT_EQ(c.values(), d.values());
}

TEST_F(Gather, NoRowsAndNoColumnsWriteNothing) {
  const BufferOf<uint8_t> image(std::vector<uint8_t>{3});
  Buffer out(1);
  twin::gather_scale(image.data(), nullptr, 0, 784, 1.0f, 0.0f, out.data(), {});
  twin::gather_scale(image.data(), nullptr, 5, 0, 1.0f, 0.0f, out.data(), {});
  twin::gather_binarize(image.data(), nullptr, 0, 784, Key(), out.data(), {});
  twin::gather_binarize(image.data(), nullptr, 5, 0, Key(), out.data(), {});
  EXPECT_TRUE(std::isnan(out[0]));
}

TEST_F(GatherLabels, PicksLabels) {
  const BufferOf<uint8_t> labels({7, 0, 255, 9});
  const BufferOf<int32_t> indices({3, 3, 0, 2, 1});
  BufferOf<int32_t> out(6);  // -1
  twin::gather_labels(labels.data(), indices.data(), 5, out.data(), {});
  EXPECT_EQ(out.values(), (std::vector<int32_t>{9, 9, 7, 255, 0, -1}));
  twin::gather_labels(labels.data(), nullptr, 4, out.data(), {});
  EXPECT_EQ(out.values(), (std::vector<int32_t>{7, 0, 255, 9, 0, -1}));
}

}  // namespace
}  // namespace burin::test
