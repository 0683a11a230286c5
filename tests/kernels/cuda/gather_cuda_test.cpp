#include "kernels/gather/gather.h"

#include <algorithm>

#include "tests/support/device_case.h"

namespace burin::test {
namespace {

constexpr int64_t kCount = 40;  // images in the set
constexpr oracle::Draw kDraw{77, 5, 9};

class GatherCuda : public DeviceTest {};

std::vector<uint8_t> bytes(int64_t n) {
  std::mt19937 engine(1);
  std::vector<uint8_t> result(static_cast<size_t>(n));
  for (size_t i = 0; i < result.size(); ++i) {
    result[i] = i % 3 == 0 ? (i % 2 == 0 ? 0 : 255) : uint8_t(engine() % 256);
  }
  return result;
}

std::vector<int32_t> some_rows(int64_t rows) {
  std::vector<int32_t> indices;
  for (int64_t r = 0; r < rows; ++r) indices.push_back(int32_t((r * 17 + 3) % kCount));
  return indices;
}

// cols on and off the vector width; images and output on and off their borders; with and without
// indices.
TEST_F(GatherCuda, PixelsAreTheCpuTwinAndTheOracle) {
  for (const int64_t cols : {1, 3, 31, 33, 127, 784}) {
    for (const int64_t offset : {0, 1, 4}) {
      for (const bool indexed : {true, false}) {
        SCOPED_TRACE("cols " + std::to_string(cols) + ", offset " + std::to_string(offset));
        const int64_t rows = indexed ? 127 : kCount - 1;  // an odd end
        const std::vector<uint8_t> images = bytes(kCount * cols);
        const std::vector<int32_t> indices = some_rows(rows);
        const int32_t* host_indices = indexed ? indices.data() : nullptr;
        const uint64_t step = kDraw.step;
        Buffer scaled(rows * cols), drawn(rows * cols);
        const float scale = 2.0f / 255.0f, shift = -1.0f;
        cpu::gather_scale(images.data(), host_indices, rows, cols, scale, shift, scaled.data(), {});
        cpu::gather_binarize(images.data(), host_indices, rows, cols,
                             {kDraw.seed, kDraw.stream, &step}, drawn.data(), {});
        DeviceBuffer<uint8_t> cuda_images(images, offset);
        DeviceBuffer<int32_t> cuda_indices(indices);
        DeviceBuffer<uint64_t> cuda_step(std::vector{step});
        DeviceBuffer<float> cuda_scaled(rows * cols, offset), cuda_drawn(rows * cols, offset);
        const int32_t* device_indices = indexed ? cuda_indices.data() : nullptr;
        cuda::gather_scale(cuda_images.data(), device_indices, rows, cols, scale, shift,
                           cuda_scaled.data(), {});
        cuda::gather_binarize(cuda_images.data(), device_indices, rows, cols,
                              {kDraw.seed, kDraw.stream, cuda_step.data()}, cuda_drawn.data(), {});
        expect_same_bits(cuda_scaled.values(), scaled, "scaled");
        expect_same_bits(cuda_drawn.values(), drawn, "binarised");
        const std::vector<float> pixels = cuda_scaled.values(), bits = cuda_drawn.values();
        for (int64_t i = 0; i < rows * cols; ++i) {
          const int64_t row = indexed ? indices[size_t(i / cols)] : i / cols;
          const uint8_t byte = images[size_t(row * cols + i % cols)];
          expect_close(pixels[size_t(i)], 2.0 * byte / 255.0 - 1.0, 2, 1.0);
          ASSERT_EQ(bits[size_t(i)], oracle::binarize(byte, kDraw, i));
        }
      }
    }
  }
}

TEST_F(GatherCuda, LabelsAreThoseOfTheRows) {
  const std::vector<uint8_t> labels = bytes(kCount);
  for (const int64_t rows : {1, 33, 300}) {
    const std::vector<int32_t> indices = some_rows(rows);
    DeviceBuffer<uint8_t> cuda_labels(labels, 1);
    DeviceBuffer<int32_t> cuda_indices(indices), out(rows, 1), in_order(kCount);
    cuda::gather_labels(cuda_labels.data(), cuda_indices.data(), rows, out.data(), {});
    cuda::gather_labels(cuda_labels.data(), nullptr, kCount, in_order.data(), {});
    for (int64_t r = 0; r < rows; ++r) {
      EXPECT_EQ(out.values()[size_t(r)], labels[size_t(indices[size_t(r)])]);
    }
    for (int64_t r = 0; r < kCount; ++r) EXPECT_EQ(in_order.values()[size_t(r)], labels[size_t(r)]);
  }
}

TEST_F(GatherCuda, IndicesAreTheCpuTwinAndAPermutation) {
  for (const int64_t count : {1, 257, 60000}) {
    for (const int64_t batch : {int64_t{1}, (count + 1) / 2, count}) {
      DeviceBuffer<int32_t> cuda_indices(batch, 1);
      for (const uint64_t step : {uint64_t{0}, uint64_t{1}, uint64_t{0x123456789}}) {
        std::vector<int32_t> indices(size_t(batch), -1);
        cpu::batch_indices(count, batch, {7, 2, &step}, indices.data(), {});
        DeviceBuffer<uint64_t> cuda_step(std::vector{step});
        cuda::batch_indices(count, batch, {7, 2, cuda_step.data()}, cuda_indices.data(), {});
        EXPECT_EQ(cuda_indices.values(), indices);
        std::vector<int32_t> sorted = cuda_indices.values();
        std::sort(sorted.begin(), sorted.end());
        EXPECT_EQ(std::adjacent_find(sorted.begin(), sorted.end()), sorted.end()) << "twice";
        EXPECT_GE(sorted.front(), 0);
        EXPECT_LT(sorted.back(), count);
      }
    }
  }
}

}  // namespace
}  // namespace burin::test
