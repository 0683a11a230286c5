#include "engine/io/png.h"

#include <cmath>
#include <limits>

#include "tests/support/scratch.h"

namespace burin::test {
namespace {

GrayImage pattern(int64_t width, int64_t height) {
  GrayImage image{width, height, std::vector<uint8_t>(static_cast<size_t>(width * height))};
  for (size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = uint8_t(i * i * 31 + i);
  return image;
}

TEST(Png, RoundTrip) {
  const Scratch scratch;
  for (const auto& [width, height] :
       {std::pair<int64_t, int64_t>{1, 1}, {1, 300}, {300, 1}, {16, 16}, {257, 31}}) {
    const GrayImage image = pattern(width, height);
    write_png(scratch.path("a.png"), image);
    const GrayImage back = read_png(scratch.path("a.png"));
    EXPECT_EQ(back.width, width);
    EXPECT_EQ(back.height, height);
    EXPECT_EQ(back.pixels, image.pixels);
  }
  EXPECT_EQ(scratch.entries(), std::vector<std::string>{"a.png"});
}

TEST(Png, IsEightBitGray) {
  const Scratch scratch;
  write_png(scratch.path("a.png"), pattern(258, 3));
  // PNG specification, 5.2 and 11.2.2: signature; length, type, width, height, depth, colour type.
  const std::string expected("\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x01\x02\0\0\0\x03\x08\0", 26);
  EXPECT_EQ(scratch.read("a.png").substr(0, 26), expected);
}

TEST(Png, WritingFaults) {
  const Scratch scratch;
  const std::string path = scratch.write("a.png", "old");
  const GrayImage image = pattern(100, 100);
  {
    const FullDisk full(1000);
    expect_error([&] { write_png(path, image); }, {path});
  }
  EXPECT_EQ(scratch.read("a.png"), "old");
  EXPECT_EQ(scratch.entries(), std::vector<std::string>{"a.png"});
  expect_error([&] { write_png(path + "/b.png", image); }, {path + "/b.png"});
  for (const auto& [width, height] :
       {std::pair<int64_t, int64_t>{0, 1}, {1, 0}, {-1, 1}, {int64_t{1} << 40, int64_t{1} << 40}}) {
    expect_error([&] { write_png(path, width, height, image.pixels.data()); }, {path, "pixels"});
  }
  // Few enough pixels, but libpng has a limit of its own.
  const std::vector<uint8_t> wide(2'000'000);
  expect_error([&] { write_png(path, 2'000'000, 1, wide.data()); }, {path});
}

TEST(Png, ReadingFaults) {
  const Scratch scratch;
  const std::string path = scratch.path("a.png");
  expect_error([&] { read_png(path); }, {path, "No such file"});
  write_png(path, pattern(40, 40));
  const std::string whole = scratch.read("a.png");
  for (const size_t size : {size_t{0}, size_t{4}, size_t{20}, size_t{50}, whole.size() / 2}) {
    scratch.write("a.png", whole.substr(0, size));
    expect_error([&] { read_png(path); }, {path});
  }
  std::string damaged = whole;
  damaged[damaged.size() / 2] ^= 1;
  scratch.write("a.png", damaged);
  expect_error([&] { read_png(path); }, {path});
  scratch.write("a.png", "P5 1 1 255 x");
  expect_error([&] { read_png(path); }, {path, "PNG"});
}

TEST(TileGrid, PlacesClampsAndZooms) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  // Three images of 1 x 2.
  const std::vector<float> images = {0.0f, 1.0f, -3.0f, 7.0f, nan, 0.5f};
  const GrayImage grid = tile_grid(images.data(), 3, 1, 2, 2, 1, 2);
  const uint8_t g = kGridGray, h = 128;
  EXPECT_EQ(grid.width, 11);
  EXPECT_EQ(grid.height, 7);
  const std::vector<uint8_t> expected = {
      g, g, g, g,   g,   g, g, g, g,   g,   g,  //
      g, 0, 0, 255, 255, g, 0, 0, 255, 255, g,  //
      g, 0, 0, 255, 255, g, 0, 0, 255, 255, g,  //
      g, g, g, g,   g,   g, g, g, g,   g,   g,  //
      g, 0, 0, h,   h,   g, g, g, g,   g,   g,  //
      g, 0, 0, h,   h,   g, g, g, g,   g,   g,  //
      g, g, g, g,   g,   g, g, g, g,   g,   g,  //
  };
  EXPECT_EQ(grid.pixels, expected);

  const std::vector<float> extremes = {infinity, -infinity, 1.0f / 255.0f, 254.4f / 255.0f};
  EXPECT_EQ(tile_grid(extremes.data(), 1, 2, 2, 10, 0, 1).pixels,
            (std::vector<uint8_t>{255, 0, 1, 254}));
}

TEST(TileGrid, Sizes) {
  const std::vector<float> images(100 * 784, 1.0f);
  const GrayImage grid = tile_grid(images.data(), 100, 28, 28, 10);
  EXPECT_EQ(grid.width, 10 * 58 + 2);
  EXPECT_EQ(grid.height, 10 * 58 + 2);
  EXPECT_EQ(tile_grid(images.data(), 3, 28, 28, 10).width, 3 * 58 + 2);
}

TEST(TileGrid, Faults) {
  const float image = 0;
  const auto fails = [&](int64_t count, int64_t rows, int64_t cols, int64_t columns, int64_t gap,
                         int64_t zoom) {
    expect_error([&] { tile_grid(&image, count, rows, cols, columns, gap, zoom); }, {"tile_grid"});
  };
  fails(0, 1, 1, 1, 0, 1);
  fails(1, 0, 1, 1, 0, 1);
  fails(1, 1, -1, 1, 0, 1);
  fails(1, 1, 1, 0, 0, 1);
  fails(1, 1, 1, 1, -1, 1);
  fails(1, 1, 1, 1, 0, 0);
  fails(1, 1, 1, 1, 0, std::numeric_limits<int64_t>::max());
  fails(1, 1, 1, 1, std::numeric_limits<int64_t>::max(), 1);
}

}  // namespace
}  // namespace burin::test
