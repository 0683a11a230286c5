#include "kernels/gather/gather.h"

#include "tests/kernels/pixel_case.h"

namespace burin::test::gather_case {
namespace {

constexpr int64_t kCount = 151;  // images in the set: odd, and more than a batch

// The last row first; all different up to kCount, then again.
Values some_rows(int64_t rows, const Host&, const Dims&, bool) {
  std::vector<int32_t> indices;
  for (int64_t r = 0; r < rows; ++r) indices.push_back(int32_t((r * 7 + kCount - 1) % kCount));
  return indices;
}

Argument images() {
  return input_of<uint8_t>("images", pixel_bytes)
      .count([](const Dims& d) { return kCount * d[1]; })
      .bytes_moved(area);
}
Argument indices() {
  return input_of<int32_t>("indices", some_rows);
}
uint8_t byte_at(const Host& x, int64_t i) {
  const int64_t cols = x.dims[1];
  return x.as<uint8_t>(0)[x.as<int32_t>(1)[i / cols] * cols + i % cols];
}

// One column, columns off the block of four and off the tile, the models' own.
const std::vector<Dims> kShapes = {{0, 784}, {5, 0},   {1, 1},    {3, 1},    {1, 3},
                                   {31, 33}, {3, 127}, {127, 31}, {33, 257}, {300, 784}};
const std::vector<Dims> kBatch = {{128, 784}};

bool declare_scale(const char* name, float scale, float shift) {
  return declare({
      .name = name,
      .arguments = {images(), indices(),
                    output("out").count(area).oracle([=](const Host& x, int64_t i) {
                      return scaled_pixel(byte_at(x, i), scale, shift);
                    })},
      .run = call(BURIN_TWINS(gather_scale),
                  [=](auto* gather, const Call& c) {
                    gather(c[0], c[1], c.dims[0], c.dims[1], scale, shift, c[2], {});
                  }),
      .dims = kShapes,
      .measured = kBatch,
      .repeated = {{131, 783}},
      .extreme = false,
      .sector_bound = 1.05,
      .bound_reason = kRowsOffTheSectors,
  });
}

const bool declared =
    declare_scale("gather/scale", 1.0f / 255.0f, 0.0f) &&
    declare_scale("gather/scale_shifted", 2.0f / 255.0f, -1.0f) &&
    declare({
        .name = "gather/binarize",
        .arguments = {images(), indices(), step_argument(),
                      output("out").count(area).oracle([](const Host& x, int64_t i) {
                        return Want{oracle::binarize(byte_at(x, i), kDraw, i), 0};
                      })},
        .run = call(BURIN_TWINS(gather_binarize),
                    [](auto* gather, const Call& c) {
                      gather(c[0], c[1], c.dims[0], c.dims[1], key_at(c[2]), c[3], {});
                    }),
        .dims = kShapes,
        .measured = kBatch,
        .repeated = {{131, 783}},
        .extreme = false,
        .sector_bound = 1.05,
        .bound_reason = kRowsOffTheSectors,
    }) &&
    declare({
        .name = "gather/labels",
        .arguments = {input_of<uint8_t>("labels", pixel_bytes)
                          .count([](const Dims&) { return kCount; })
                          .bytes_moved([](const Dims& d) { return d[0]; }),
                      indices(), output_of<int32_t>("out").oracle([](const Host& x, int64_t i) {
                        return Want{double(x.as<uint8_t>(0)[x.as<int32_t>(1)[i]]), 0};
                      })},
        .run = call(BURIN_TWINS(gather_labels),
                    [](auto* gather, const Call& c) { gather(c[0], c[1], c.n(), c[2], {}); }),
        .dims = {{0}, {1}, {33}, {300}},
        .measured = {{128}},
        .extreme = false,
        .sector_bound = 0,
        .bound_reason = "single bytes from anywhere: a sector each",
    }) &&
    // {count, batch}
    declare({
        .name = "gather/batch_indices",
        .arguments = {step_argument(),
                      output_of<int32_t>("indices")
                          .count([](const Dims& d) { return d[1]; })
                          .oracle([](const Host& x, int64_t i) {
                            const int64_t count = x.dims[0], batch = x.dims[1];
                            const uint64_t steps = uint64_t(count / batch);
                            const int64_t position = int64_t(kStep % steps) * batch + i;
                            const oracle::Draw epoch{kSeed, kStream, kStep / steps};
                            return Want{double(oracle::shuffled_index(epoch, position, count)), 0};
                          })},
        .run = call(BURIN_TWINS(batch_indices),
                    [](auto* batch, const Call& c) {
                      batch(c.dims[0], c.dims[1], key_at(c[0]), c[1], {});
                    }),
        .dims = {{1, 1}, {257, 1}, {257, 129}, {257, 257}, {60000, 128}, {60000, 30000}},
        .measured = {{60000, 128}},
        .extreme = false,
        .sector_bound = 0,
        .bound_reason = "128 indices: the step alone is a sector for each warp",
    });

}  // namespace
}  // namespace burin::test::gather_case
