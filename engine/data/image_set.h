// Grey images with labels, as MNIST and its kin are distributed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace burin {

struct ImageSet {
  int64_t count = 0;
  int64_t rows = 0;
  int64_t cols = 0;
  std::vector<uint8_t> images;  // [count, rows, cols], 0 is background
  std::vector<uint8_t> labels;  // [count]

  int64_t pixels() const { return rows * cols; }
};

enum class Split { train, test };

inline constexpr int64_t kMaxImagePixels = int64_t{1} << 20;

// Reads {train,t10k}-images-idx3-ubyte and {train,t10k}-labels-idx1-ubyte from `directory`, each
// plain or else with the ending .gz. Throws Error if something is missing or damaged, there is not
// one label for each image, or images have more than kMaxImagePixels pixels. At least one image.
// That both splits have the same size of image is for the caller to check.
ImageSet load_image_set(const std::string& directory, Split split);

}  // namespace burin
