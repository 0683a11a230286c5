// Pixels of chosen rows as floats, for the CPU twins that make batches. `source(r)` is the data
// set's row that is row r of the output; it is called once for each piece of a row.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

#include "kernels/common/philox_lanes.h"
#include "kernels/gather/gather.h"

namespace burin::cpu {

// Elements of the output that a thread takes at least; chunks begin at a tile of random words.
inline constexpr int64_t kPixelGrain = 64 * kWordsATile;

// Elements [begin, end) of the [rows, cols] output are pieces of rows: calls
// piece(pixels, element, length), with the row's bytes from that element on. Rows of a shuffled
// batch lie anywhere in memory, so the next one is asked for while this one is worked on.
template <class Source, class Piece>
BURIN_ALWAYS_INLINE void for_row_pieces(const uint8_t* images, Source& source, int64_t cols,
                                        int64_t begin, int64_t end, const Piece& piece) {
  if (begin == end) return;
  constexpr int64_t kCacheLine = 64;
  int64_t row = begin / cols;
  const uint8_t* pixels = images + int64_t{source(row)} * cols + begin % cols;
  int64_t length = std::min(cols - begin % cols, end - begin);
  for (int64_t i = begin; i < end;) {
    const int64_t after = i + length;
    const int64_t next_length = std::min(cols, end - after);
    const uint8_t* next = nullptr;
    if (next_length > 0) {
      next = images + int64_t{source(++row)} * cols;
      for (int64_t j = 0; j < next_length; j += kCacheLine) __builtin_prefetch(next + j);
    }
    piece(pixels, i, length);
    pixels = next;
    length = next_length;
    i = after;
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

// Blocks of four pixels that must be drawn, until a tile is full of them.
struct PixelDraws {
  int64_t count = 0;
  alignas(64) uint32_t block[kPhiloxLanes] = {};
  alignas(64) uint8_t pixel[kPhiloxLanes][4] = {};
};

// out = binarize of the listed pixels; the list is empty then. Elements from `end` on are not
// written.
BURIN_ALWAYS_INLINE void draw_pixels(const PhiloxPosition& position, int64_t end, float* out,
                                     PixelDraws& draws) {
  PhiloxTile tile;
  fill_listed(position, draws.block, tile);
  alignas(64) float drawn[kPhiloxLanes][4];
  for (int lane = 0; lane < kPhiloxLanes; ++lane) {
    for (int k = 0; k < 4; ++k) {
      drawn[lane][k] = binarize(draws.pixel[lane][k], tile.word[k][lane]);
    }
  }
  for (int64_t lane = 0; lane < draws.count; ++lane) {
    const int64_t first = int64_t{draws.block[lane]} * 4;
    if (first + 4 <= end) {
      std::copy_n(drawn[lane], 4, out + first);
    } else {
      std::copy_n(drawn[lane], end - first, out + first);
    }
  }
  draws.count = 0;
}

// The place in memory of the byte with the lowest bit that is set.
inline int place_of_lowest(uint64_t bytes) {
  const int byte = std::countr_zero(bytes) / 8;
  return std::endian::native == std::endian::little ? byte : 7 - byte;
}

// out[i, i + count): 0 and 1 where the byte alone decides; the blocks of four with another byte are
// listed, and drawn when the list is full. kWordsATile pixels must be readable; i is a multiple
// of 4.
BURIN_ALWAYS_INLINE void binarize_tile(const uint8_t* __restrict__ pixels, int64_t i, int64_t count,
                                       const PhiloxPosition& position, int64_t end, float* out,
                                       PixelDraws& draws) {
  for (int64_t j = 0; j < count; ++j) out[i + j] = pixels[j] == 255 ? 1.0f : 0.0f;

  alignas(64) uint8_t open[kWordsATile];  // neither 0 nor 255
  for (int64_t j = 0; j < kWordsATile; ++j) open[j] = static_cast<uint8_t>(pixels[j] + 1) > 1;
  alignas(64) uint8_t drawn[kPhiloxLanes];  // 1 for a block with an open pixel
  for (int lane = 0; lane < kPhiloxLanes; ++lane) {
    uint32_t any;
    std::memcpy(&any, open + 4 * lane, sizeof any);
    drawn[lane] = any != 0;
  }
  for (int lane = 0; lane < kPhiloxLanes; lane += 8) {
    uint64_t flags;
    std::memcpy(&flags, drawn + lane, sizeof flags);
    for (; flags != 0; flags &= flags - 1) {
      const int64_t j = 4 * (lane + place_of_lowest(flags));
      draws.block[draws.count] = static_cast<uint32_t>((i + j) / 4);
      std::memcpy(draws.pixel[draws.count], pixels + j, 4);
      if (++draws.count == kPhiloxLanes) draw_pixels(position, end, out, draws);
    }
  }
}

// out[begin, end) = binarize of the pixels; begin is a multiple of kWordsATile. Bytes 0 and 255 are
// 0 and 1 whatever the random word: only blocks with another byte are drawn, 27 % of them in MNIST.
template <class Source>
BURIN_ALWAYS_INLINE void binarize_pixels(const uint8_t* images, Source source, int64_t cols,
                                         int64_t begin, int64_t end, const PhiloxPosition& position,
                                         float* out) {
  PixelDraws draws;
  if (cols % 4 == 0) {  // no block crosses from row to row: pixels are read where they lie
    const auto binarize_piece = [&](const uint8_t* row, int64_t element, int64_t length)
        __attribute__((always_inline)) {
      int64_t j = 0;
      for (; j + kWordsATile <= length; j += kWordsATile) {
        binarize_tile(row + j, element + j, kWordsATile, position, end, out, draws);
      }
      if (j == length) return;
      alignas(64) uint8_t rest[kWordsATile] = {};
      std::memcpy(rest, row + j, static_cast<size_t>(length - j));
      binarize_tile(rest, element + j, length - j, position, end, out, draws);
    };
    for_row_pieces(images, source, cols, begin, end, binarize_piece);
  } else {
    for (int64_t i = begin; i < end; i += kWordsATile) {
      const int64_t count = std::min(kWordsATile, end - i);
      alignas(64) uint8_t pixels[kWordsATile] = {};
      const auto copy = [ i, &pixels ](const uint8_t* row, int64_t element, int64_t length)
          __attribute__((always_inline)) {
        std::copy_n(row, length, pixels + (element - i));
      };
      for_row_pieces(images, source, cols, i, i + count, copy);
      binarize_tile(pixels, i, count, position, end, out, draws);
    }
  }
  if (draws.count > 0) draw_pixels(position, end, out, draws);
}

}  // namespace burin::cpu
