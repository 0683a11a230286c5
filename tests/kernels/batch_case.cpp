#include "kernels/batch/batch.h"

#include "tests/kernels/pixel_case.h"

namespace burin::test::batch_case {
namespace {

// dims: {count, batch, cols, noise}
int64_t pixels(const Dims& d) {
  return d[1] * d[2];
}

Argument images() {
  return input_of<uint8_t>("images", pixel_bytes)
      .count([](const Dims& d) { return d[0] * d[2]; })
      .bytes_moved(pixels);
}
// The data set's rows that the batch is of.
Argument rows() {
  Argument::Fill rows = [](int64_t batch, const Host&, const Dims& d, bool) {
    const uint64_t steps = uint64_t(d[0] / batch);
    const oracle::Draw epoch{kSeed, kStream, kStep / steps};
    const int64_t first = int64_t(kStep % steps) * batch;
    std::vector<int32_t> result;
    for (int64_t r = 0; r < batch; ++r) {
      result.push_back(int32_t(oracle::shuffled_index(epoch, first + r, d[0])));
    }
    return Values(result);
  };
  return hidden("rows", rows).count([](const Dims& d) { return d[1]; });
}
uint8_t byte_at(const Host& x, int64_t i) {
  const int64_t cols = x.dims[2];
  return x.as<uint8_t>(0)[x.as<int32_t>(1)[i / cols] * cols + i % cols];
}

// Each half of the noise has a position of its own.
constexpr oracle::Draw kFirst{kSeed, 8, 0x2'0000'0001u}, kSecond{kSeed + 1, 9, 5};
const std::vector<uint64_t> kNoiseSteps = {kFirst.step, kSecond.step};

BatchNoise noise_at(Pointer z, int64_t n, Pointer steps) {
  const uint64_t* step = steps;
  return {z, n, {kFirst.seed, kFirst.stream, step}, {kSecond.seed, kSecond.stream, step + 1}};
}
Want noise(const Host& x, int64_t i) {
  const int64_t n = x.dims[3];
  const oracle::Normal drawn = i < n ? oracle::normal(kFirst, i) : oracle::normal(kSecond, i - n);
  return {drawn.value, 4, drawn.radius};
}

// One image, one column, no column, columns off the block of four and off the tile, more rows than
// a tile has threads, halves of the noise off the block of four, the models' own.
const std::vector<Dims> kShapes = {{1, 1, 1, 0},         {5, 1, 3, 3},          {7, 3, 1, 1},
                                   {4, 3, 0, 5},         {10, 2, 4, 8},         {40, 31, 33, 33},
                                   {151, 3, 127, 257},   {257, 127, 31, 31},    {33, 33, 257, 77},
                                   {3000, 2500, 1, 127}, {151, 128, 784, 12800}};
const std::vector<Dims> kBatch = {{151, 128, 784, 12800}};

bool declare_scale(const char* name, float scale, float shift) {
  return declare({
      .name = name,
      .arguments = {images(), rows(), step_argument(),
                    input_of<uint64_t>("noise_steps", constant(kNoiseSteps)).count([](const Dims&) {
                      return 2;
                    }),
                    output("out").count(pixels).oracle([=](const Host& x, int64_t i) {
                      return scaled_pixel(byte_at(x, i), scale, shift);
                    }),
                    output("z").count([](const Dims& d) { return 2 * d[3]; }).oracle(noise)},
      .run = call(BURIN_TWINS(batch_scale),
                  [=](auto* batch, const Call& c) {
                    const Dims& d = c.dims;
                    batch(c[0], d[0], d[1], d[2], key_at(c[2]), scale, shift, c[4],
                          noise_at(c[5], d[3], c[3]), {});
                  }),
      .dims = kShapes,
      .measured = kBatch,
      .repeated = {{151, 131, 783, 25001}},
      .optional = {{5}},
      .extreme = false,
      .sector_bound = 1.05,
      .bound_reason = kRowsOffTheSectors,
  });
}

const bool declared =
    declare_scale("batch/scale", 1.0f / 255.0f, 0.0f) &&
    declare_scale("batch/scale_shifted", 2.0f / 255.0f, -1.0f) &&
    declare({
        .name = "batch/binarize",
        .arguments = {images(), rows(), step_argument(),
                      input_of<uint64_t>("step", constant(std::vector{kFirst.step})).count(one),
                      output("out").count(pixels).oracle([](const Host& x, int64_t i) {
                        return Want{oracle::binarize(byte_at(x, i), kFirst, i), 0};
                      })},
        .run = call(BURIN_TWINS(batch_binarize),
                    [](auto* batch, const Call& c) {
                      const uint64_t* step = c[3];
                      batch(c[0], c.dims[0], c.dims[1], c.dims[2], key_at(c[2]),
                            {kFirst.seed, kFirst.stream, step}, c[4], {});
                    }),
        .dims = kShapes,
        .measured = kBatch,
        .repeated = {{151, 131, 783, 0}},
        .extreme = false,
        .sector_bound = 1.05,
        .bound_reason = kRowsOffTheSectors,
    });

}  // namespace
}  // namespace burin::test::batch_case
