#include "kernels/dropout/dropout.h"

#include <algorithm>

#include "kernels/common/parallel.h"
#include "kernels/common/philox_lanes.h"
#include "kernels/common/simd.h"

namespace burin::cpu {
namespace {

constexpr int64_t kElementsATile = 2 * kWordsATile;  // two half-words a word
constexpr int64_t kGrain = 32 * kElementsATile;      // chunks begin at a tile

// half_words[kElementsATile] in the order of the elements.
BURIN_ALWAYS_INLINE void fill_half_words(const PhiloxPosition& position, int64_t element,
                                         uint32_t* half_words) {
  PhiloxTile tile;
  fill_tile(position, static_cast<uint32_t>(element / 8), tile);
  for (int lane = 0; lane < kPhiloxLanes; ++lane) {
    for (int k = 0; k < 4; ++k) {
      half_words[8 * lane + 2 * k] = tile.word[k][lane] & 0xffffu;
      half_words[8 * lane + 2 * k + 1] = tile.word[k][lane] >> 16;
    }
  }
}

// y = dropout of x, for forward and for backward without `accumulate`.
BURIN_SIMD_CLONES
void overwrite_range(const float* x, float* y, int64_t begin, int64_t end, uint32_t threshold,
                     float scale, PhiloxPosition position) {
  alignas(64) uint32_t half_words[kElementsATile];
  for (int64_t i = begin; i < end; i += kElementsATile) {
    fill_half_words(position, i, half_words);
    const int64_t count = std::min(kElementsATile, end - i);
    for (int64_t j = 0; j < count; ++j) {
      y[i + j] = dropout(x[i + j], half_words[j], threshold, scale);
    }
  }
}

BURIN_SIMD_CLONES
void accumulate_range(const float* d_y, float* d_x, int64_t begin, int64_t end, uint32_t threshold,
                      float scale, PhiloxPosition position) {
  alignas(64) uint32_t half_words[kElementsATile];
  for (int64_t i = begin; i < end; i += kElementsATile) {
    fill_half_words(position, i, half_words);
    const int64_t count = std::min(kElementsATile, end - i);
    for (int64_t j = 0; j < count; ++j) {
      d_x[i + j] += dropout(d_y[i + j], half_words[j], threshold, scale);
    }
  }
}

template <Activation kActivation>
BURIN_ALWAYS_INLINE void derive(const float* x, float* d_x, int64_t count, float slope) {
  for (int64_t j = 0; j < count; ++j) {
    d_x[j] = d_x[j] * activation_derivative(kActivation, x[j], slope);
  }
}

// Tile by tile, so that what dropout gave is still in the first cache.
BURIN_SIMD_CLONES
void derived_range(const float* x, const float* d_y, float* d_x, int64_t begin, int64_t end,
                   uint32_t threshold, float scale, PhiloxPosition position, Activation activation,
                   float slope) {
  alignas(64) uint32_t half_words[kElementsATile];
  for (int64_t i = begin; i < end; i += kElementsATile) {
    fill_half_words(position, i, half_words);
    const int64_t count = std::min(kElementsATile, end - i);
    for (int64_t j = 0; j < count; ++j) {
      d_x[i + j] = dropout(d_y[i + j], half_words[j], threshold, scale);
    }
    switch (activation) {
      case Activation::leaky_relu:
        derive<Activation::leaky_relu>(x + i, d_x + i, count, slope);
        break;
      case Activation::sigmoid:
        derive<Activation::sigmoid>(x + i, d_x + i, count, slope);
        break;
      case Activation::tanh:
        derive<Activation::tanh>(x + i, d_x + i, count, slope);
        break;
      case Activation::none:
        break;
    }
  }
}

}  // namespace

void dropout_forward(const float* x, float* y, int64_t n, float rate, RandomKey key, Stream) {
  const PhiloxPosition position = position_of(key);
  const uint32_t threshold = dropout_threshold(rate);
  const float scale = dropout_scale(threshold);
  parallel_for(n, kGrain, [=](int64_t begin, int64_t end) {
    overwrite_range(x, y, begin, end, threshold, scale, position);
  });
}

void dropout_backward(const float* d_y, float* d_x, int64_t n, float rate, RandomKey key,
                      bool accumulate, Stream) {
  const PhiloxPosition position = position_of(key);
  const uint32_t threshold = dropout_threshold(rate);
  const float scale = dropout_scale(threshold);
  parallel_for(n, kGrain, [=](int64_t begin, int64_t end) {
    if (accumulate) {
      accumulate_range(d_y, d_x, begin, end, threshold, scale, position);
    } else {
      overwrite_range(d_y, d_x, begin, end, threshold, scale, position);
    }
  });
}

void dropout_activation_backward(const float* x, const float* d_y, float* d_x, int64_t n,
                                 float rate, Activation activation, float slope, RandomKey key,
                                 Stream) {
  const PhiloxPosition position = position_of(key);
  const uint32_t threshold = dropout_threshold(rate);
  const float scale = dropout_scale(threshold);
  parallel_for(n, kGrain, [=](int64_t begin, int64_t end) {
    derived_range(x, d_y, d_x, begin, end, threshold, scale, position, activation, slope);
  });
}

}  // namespace burin::cpu
