// Grey pictures as PNG files. Failures are Error.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace burin {

struct GrayImage {
  int64_t width = 0;
  int64_t height = 0;
  std::vector<uint8_t> pixels;  // [height, width], 0 is black
};

// Writes gray[height, width], 8 bits a pixel, whole or not at all (AtomicFile).
void write_png(const std::string& path, int64_t width, int64_t height, const uint8_t* gray);
void write_png(const std::string& path, const GrayImage& image);

// Reads a PNG file of any kind; colours become grey, transparency is laid on black.
GrayImage read_png(const std::string& path);

// images[count, rows * cols] in [0, 1] (clamped; NaN is black), row by row into a grid of `columns`
// tiles a row, or `count` if that is less. Each pixel becomes zoom x zoom; lines of `gap` dark grey
// pixels run between the tiles and around them, and places without an image are of that grey.
// count, rows, cols, columns, zoom >= 1, gap >= 0.
inline constexpr uint8_t kGridGray = 64;
GrayImage tile_grid(const float* images, int64_t count, int64_t rows, int64_t cols, int64_t columns,
                    int64_t gap = 2, int64_t zoom = 2);

}  // namespace burin
