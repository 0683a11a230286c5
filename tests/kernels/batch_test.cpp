#include "kernels/batch/batch.h"

#include "kernels/gather/gather.h"
#include "kernels/random_fill/random_fill.h"
#include "tests/kernels/pixel_case.h"

namespace burin::test {
namespace {

class Batch : public TwinTest {};

struct Shape {
  int64_t count, batch, cols, noise;
};

// Steps of the first epoch and of later ones; a tile with more rows than threads; more elements
// than the CUDA grid takes at once.
const Shape kShapes[] = {{1, 1, 1, 1},       {10, 3, 5, 3},       {151, 128, 784, 1280},
                         {257, 100, 31, 77}, {1500, 1500, 1, 33}, {2700, 2699, 781, 0}};

BufferOf<uint8_t> images_of(const Shape& s) {
  Values bytes = pixel_bytes(s.count * s.cols, {}, {}, false);
  return BufferOf<uint8_t>(bytes.bytes, 0);
}

template <class Check>
void for_each_batch(const Check& check) {
  for (const Shape& s : kShapes) {
    for (const uint64_t step : {uint64_t{0}, uint64_t{13}}) {
      if (step == 0 && s.batch * s.cols > 1000000) continue;
      SCOPED_TRACE(to_string(Dims{s.count, s.batch, s.cols}) + " at " + std::to_string(step));
      const Key order(kSeed, kStream, step);
      BufferOf<int32_t> indices(s.batch);
      twin::batch_indices(s.count, s.batch, order, indices.data(), {});
      check(s, images_of(s), order, indices);
    }
  }
}

TEST_F(Batch, ScaleHasTheBitsOfTheSeparateRooms) {
  for_each_batch([](const Shape& s, const BufferOf<uint8_t>& images, const Key& order,
                    const BufferOf<int32_t>& indices) {
    const float scale = 2.0f / 255.0f, shift = -1.0f;
    const Key first(kSeed, 8, 21), second(kSeed, 9, 22);
    Buffer out(s.batch * s.cols, 0), z(2 * s.noise, 0), one_half(s.noise, 0);
    twin::batch_scale(images.data(), s.count, s.batch, s.cols, order, scale, shift, out.data(),
                      {one_half.data(), s.noise, first, second, 1}, {});
    twin::batch_scale(images.data(), s.count, s.batch, s.cols, order, scale, shift, out.data(),
                      {z.data(), s.noise, first, second}, {});
    Buffer wanted(s.batch * s.cols), wanted_z(2 * s.noise);
    twin::gather_scale(images.data(), indices.data(), s.batch, s.cols, scale, shift, wanted.data(),
                       {});
    float* const half = wanted_z.data();
    twin::random_normal(half, s.noise, 1.0f, first, {});
    twin::random_normal(half + s.noise, s.noise, 1.0f, second, {});
    expect_same_bits(out.values(), wanted.values(), "out");
    expect_same_bits(z.values(), wanted_z.values(), "z");
    const std::vector<float> both = wanted_z.values();
    expect_same_bits(one_half.values(), {both.begin(), both.begin() + s.noise}, "one half");
  });
}

TEST_F(Batch, BinarizeHasTheBitsOfTheSeparateRooms) {
  for_each_batch([](const Shape& s, const BufferOf<uint8_t>& images, const Key& order,
                    const BufferOf<int32_t>& indices) {
    const Key key(kSeed, 8, 21);
    Buffer out(s.batch * s.cols, 0), wanted(s.batch * s.cols);
    twin::batch_binarize(images.data(), s.count, s.batch, s.cols, order, key, out.data(), {});
    twin::gather_binarize(images.data(), indices.data(), s.batch, s.cols, key, wanted.data(), {});
    expect_same_bits(out.values(), wanted.values(), "out");
  });
}

// Each half is larger than the CUDA grid takes at once, and the second begins off the vectors.
TEST_F(Batch, NoiseMayBeLargerThanTheGrid) {
  const int64_t n = 2048 * 1024 + 5;
  const Key first(kSeed, 8, 21), second(kSeed, 9, 22);
  Buffer z(2 * n, 0), wanted(2 * n, 0);
  twin::batch_scale(nullptr, 1, 1, 0, {}, 1.0f, 0.0f, nullptr, {z.data(), n, first, second}, {});
  float* const half = wanted.data();
  twin::random_normal(half, n, 1.0f, first, {});
  twin::random_normal(half + n, n, 1.0f, second, {});
  expect_same_bits(z.values(), wanted.values(), "z");
}

TEST_F(Batch, NoNoiseIsWrittenForNone) {
  const BufferOf<uint8_t> image(std::vector<uint8_t>{255});
  Buffer out(1), z(1);
  twin::batch_scale(image.data(), 1, 1, 1, {}, 1.0f / 255.0f, 0.0f, out.data(), {z.data(), 0}, {});
  EXPECT_EQ(out[0], 1.0f);
  EXPECT_TRUE(std::isnan(z[0]));
  out.poison();
  twin::batch_scale(image.data(), 1, 1, 1, {}, 1.0f / 255.0f, 0.0f, out.data(), {nullptr, 7}, {});
  EXPECT_EQ(out[0], 1.0f);
}

}  // namespace
}  // namespace burin::test
