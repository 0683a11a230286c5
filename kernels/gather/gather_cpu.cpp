#include "kernels/gather/gather.h"

#include <algorithm>

#include "kernels/common/parallel.h"
#include "kernels/common/philox_lanes.h"
#include "kernels/common/simd.h"

namespace burin::cpu {
namespace {

constexpr int64_t kGrain = 64 * kWordsATile;  // elements of the output; chunks begin at a tile

// Elements [begin, end) of the [rows, cols] output are pieces of rows: calls
// piece(pixels, element, length), with the row's bytes from that element on.
template <class Piece>
BURIN_ALWAYS_INLINE void for_row_pieces(const uint8_t* images, const int32_t* indices, int64_t cols,
                                        int64_t begin, int64_t end, const Piece& piece) {
  int64_t row = begin / cols;
  int64_t column = begin % cols;
  for (int64_t i = begin; i < end; ++row, column = 0) {
    const int64_t source = indices == nullptr ? row : indices[row];
    const int64_t length = std::min(cols - column, end - i);
    piece(images + source * cols + column, i, length);
    i += length;
  }
}

BURIN_SIMD_CLONES
void scale_range(const uint8_t* images, const int32_t* indices, int64_t cols, int64_t begin,
                 int64_t end, float scale, float shift, float* out) {
  const auto convert = [=](const uint8_t* pixels, int64_t element, int64_t length)
      __attribute__((always_inline)) {
    for (int64_t j = 0; j < length; ++j) {
      out[element + j] = scale_byte(pixels[j], scale, shift);
    }
  };
  for_row_pieces(images, indices, cols, begin, end, convert);
}

BURIN_SIMD_CLONES
void binarize_range(const uint8_t* images, const int32_t* indices, int64_t cols, int64_t begin,
                    int64_t end, PhiloxPosition position, float* out) {
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
    for_row_pieces(images, indices, cols, i, std::min(i + kWordsATile, end), draw);
  }
}

}  // namespace

void batch_indices(int64_t count, int64_t batch, RandomKey key, int32_t* indices, Stream) {
  const auto step = step_of(key);
  const auto steps_per_epoch = static_cast<uint64_t>(count / batch);
  const Shuffle shuffle = make_shuffle(key.seed, key.stream, step / steps_per_epoch, count);
  const int64_t first = static_cast<int64_t>(step % steps_per_epoch) * batch;
  for (int64_t r = 0; r < batch; ++r) indices[r] = shuffled(shuffle, first + r);
}

void gather_scale(const uint8_t* images, const int32_t* indices, int64_t rows, int64_t cols,
                  float scale, float shift, float* out, Stream) {
  if (cols == 0) return;
  parallel_for(rows * cols, kGrain, [=](int64_t begin, int64_t end) {
    scale_range(images, indices, cols, begin, end, scale, shift, out);
  });
}

void gather_binarize(const uint8_t* images, const int32_t* indices, int64_t rows, int64_t cols,
                     RandomKey key, float* out, Stream) {
  if (cols == 0) return;
  const PhiloxPosition position = position_of(key);
  parallel_for(rows * cols, kGrain, [=](int64_t begin, int64_t end) {
    binarize_range(images, indices, cols, begin, end, position, out);
  });
}

void gather_labels(const uint8_t* labels, const int32_t* indices, int64_t rows, int32_t* out,
                   Stream) {
  for (int64_t r = 0; r < rows; ++r) out[r] = labels[indices == nullptr ? r : indices[r]];
}

}  // namespace burin::cpu
