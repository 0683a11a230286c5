#include "engine/io/png.h"

#include <fmt/format.h>
#include <png.h>

#include <algorithm>

#include "engine/io/error.h"
#include "engine/io/files.h"
#include "kernels/to_bytes/to_bytes.h"

namespace burin {
namespace {

constexpr int64_t kMaxPixels = int64_t{1} << 28;

// width and height >= 1, and not more pixels than memory is good for.
bool sane(int64_t width, int64_t height) {
  return width >= 1 && height >= 1 && width <= kMaxPixels && height <= kMaxPixels / width;
}

// libpng's simplified interface: its errors come back as values, so that no longjmp crosses our
// frames.
struct Png {
  png_image image{};
  Png() { image.version = PNG_IMAGE_VERSION; }
  ~Png() { png_image_free(&image); }
  Png(const Png&) = delete;
  Png& operator=(const Png&) = delete;
  bool failed() const { return PNG_IMAGE_FAILED(image); }
};

}  // namespace

void write_png(const std::string& path, int64_t width, int64_t height, const uint8_t* gray) {
  if (!sane(width, height)) {
    throw Error(fmt::format("cannot write {}: a picture of {} x {} pixels; expected 1 to {} in all",
                            in_quotes(path), width, height, kMaxPixels));
  }
  Png png;
  png.image.width = static_cast<png_uint_32>(width);
  png.image.height = static_cast<png_uint_32>(height);
  png.image.format = PNG_FORMAT_GRAY;
  png_alloc_size_t bytes = PNG_IMAGE_PNG_SIZE_MAX(png.image);
  std::vector<uint8_t> encoded(bytes);
  const int done = png_image_write_to_memory(&png.image, encoded.data(), &bytes, 0, gray,
                                             static_cast<png_int_32>(width), nullptr);
  if (done == 0 || png.failed()) {
    throw Error(fmt::format("cannot write {}: {}", in_quotes(path), png.image.message));
  }
  write_file_atomically(path, {reinterpret_cast<const char*>(encoded.data()), bytes});
}

void write_png(const std::string& path, const GrayImage& image) {
  write_png(path, image.width, image.height, image.pixels.data());
}

GrayImage read_png(const std::string& path) {
  const std::string content = read_file(path);
  Png png;
  const auto fail = [&] {
    return Error(
        fmt::format("{} is not a whole PNG picture: {}", in_quotes(path), png.image.message));
  };
  if (png_image_begin_read_from_memory(&png.image, content.data(), content.size()) == 0) {
    throw fail();
  }
  GrayImage result{int64_t{png.image.width}, int64_t{png.image.height}, {}};
  if (!sane(result.width, result.height)) {
    throw Error(fmt::format("{} is a picture of {} x {} pixels; expected at most {} in all",
                            in_quotes(path), result.width, result.height, kMaxPixels));
  }
  png.image.format = PNG_FORMAT_GRAY;
  result.pixels.resize(static_cast<size_t>(result.width * result.height));
  const png_color black{0, 0, 0};
  if (png_image_finish_read(&png.image, &black, result.pixels.data(),
                            static_cast<png_int_32>(result.width), nullptr) == 0 ||
      png.failed()) {
    throw fail();
  }
  return result;
}

GrayImage tile_grid(const float* images, int64_t count, int64_t rows, int64_t cols, int64_t columns,
                    int64_t gap, int64_t zoom) {
  if (count < 1 || rows < 1 || cols < 1 || columns < 1 || gap < 0 || zoom < 1) {
    throw Error(fmt::format(
        "tile_grid: count {}, rows {}, cols {}, columns {}, zoom {} must be at least 1, gap {} at "
        "least 0",
        count, rows, cols, columns, zoom, gap));
  }
  const int64_t across = std::min(columns, count);
  const int64_t down = (count - 1) / across + 1;
  // In double, so that absurd sizes do not wrap around.
  const double exact_width =
      double(across) * (double(cols) * double(zoom) + double(gap)) + double(gap);
  const double exact_height =
      double(down) * (double(rows) * double(zoom) + double(gap)) + double(gap);
  if (exact_width * exact_height > double(kMaxPixels)) {
    throw Error(
        fmt::format("tile_grid: a picture of {:.0f} x {:.0f} pixels; expected at most {} in all",
                    exact_width, exact_height, kMaxPixels));
  }
  const int64_t step_x = cols * zoom + gap, step_y = rows * zoom + gap;
  GrayImage grid{across * step_x + gap, down * step_y + gap, {}};
  grid.pixels.assign(static_cast<size_t>(grid.width * grid.height), kGridGray);
  std::vector<uint8_t> bytes(static_cast<size_t>(count * rows * cols));
  cpu::to_bytes(images, count * rows * cols, bytes.data());
  for (int64_t i = 0; i < count; ++i) {
    const uint8_t* image = bytes.data() + i * rows * cols;
    const int64_t left = gap + i % across * step_x, top = gap + i / across * step_y;
    for (int64_t y = 0; y < rows * zoom; ++y) {
      uint8_t* line = grid.pixels.data() + (top + y) * grid.width + left;
      for (int64_t x = 0; x < cols * zoom; ++x) line[x] = image[y / zoom * cols + x / zoom];
    }
  }
  return grid;
}

}  // namespace burin
