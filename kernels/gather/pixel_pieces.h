// Pixels of chosen rows as floats, for the CPU twins that make batches. `source(r)` is the data
// set's row that is row r of the output; it is called once for each piece of a row.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/common/philox_lanes.h"
#include "kernels/gather/gather.h"

namespace burin::cpu {

// Elements of the output that a thread takes at least; chunks begin at a tile of random words.
inline constexpr int64_t kPixelGrain = 64 * kWordsATile;

// Elements [begin, end) of the [rows, cols] output are pieces of rows: calls
// piece(pixels, element, length), with the row's bytes from that element on.
template <class Source, class Piece>
BURIN_ALWAYS_INLINE void for_row_pieces(const uint8_t* images, Source& source, int64_t cols,
                                        int64_t begin, int64_t end, const Piece& piece) {
  int64_t row = begin / cols;
  int64_t column = begin % cols;
  for (int64_t i = begin; i < end; ++row, column = 0) {
    const int64_t length = std::min(cols - column, end - i);
    piece(images + int64_t{source(row)} * cols + column, i, length);
    i += length;
  }
}

// out[begin, end) = scale_byte of the pixels.
template <class Source>
BURIN_ALWAYS_INLINE void scale_pixels(const uint8_t* images, Source source, int64_t cols,
                                      int64_t begin, int64_t end, float scale, float shift,
                                      float* out) {
  const auto convert = [=](const uint8_t* pixels, int64_t element, int64_t length)
      __attribute__((always_inline)) {
    for (int64_t j = 0; j < length; ++j) {
      out[element + j] = scale_byte(pixels[j], scale, shift);
    }
  };
  for_row_pieces(images, source, cols, begin, end, convert);
}

// out[begin, end) = binarize of the pixels; begin is a multiple of kWordsATile.
template <class Source>
BURIN_ALWAYS_INLINE void binarize_pixels(const uint8_t* images, Source source, int64_t cols,
                                         int64_t begin, int64_t end, const PhiloxPosition& position,
                                         float* out) {
  PhiloxTile tile;
  alignas(64) uint32_t words[kWordsATile];  // in the order of the elements
  for (int64_t i = begin; i < end; i += kWordsATile) {
    fill_tile(position, static_cast<uint32_t>(i / 4), tile);
    for (int lane = 0; lane < kPhiloxLanes; ++lane) {
      for (int k = 0; k < 4; ++k) words[4 * lane + k] = tile.word[k][lane];
    }
    const auto draw = [ =, &words ](const uint8_t* pixels, int64_t element, int64_t length)
        __attribute__((always_inline)) {
      for (int64_t j = 0; j < length; ++j) {
        out[element + j] = binarize(pixels[j], words[element - i + j]);
      }
    };
    for_row_pieces(images, source, cols, i, std::min(i + kWordsATile, end), draw);
  }
}

}  // namespace burin::cpu
