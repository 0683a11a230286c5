#include "kernels/random_fill/random_fill.h"

#include <algorithm>

#include "kernels/common/parallel.h"
#include "kernels/common/philox_lanes.h"
#include "kernels/common/simd.h"
#include "kernels/random_fill/normal_tile.h"

namespace burin::cpu {
namespace {

constexpr int64_t kGrain = 64 * kWordsATile;  // chunks begin at a tile: 16384 elements

// Whole tiles are made in `values` and as much as fits is copied: the end of x is never passed.
BURIN_SIMD_CLONES
void uniform_range(float* x, int64_t begin, int64_t end, float low, float width,
                   PhiloxPosition position) {
  PhiloxTile tile;
  alignas(64) float values[kWordsATile];
  for (int64_t i = begin; i < end; i += kWordsATile) {
    fill_tile(position, static_cast<uint32_t>(i / 4), tile);
    for (int lane = 0; lane < kPhiloxLanes; ++lane) {
      for (int k = 0; k < 4; ++k) {
        values[4 * lane + k] = uniform_of(tile.word[k][lane]) * width + low;
      }
    }
    std::copy_n(values, std::min(kWordsATile, end - i), x + i);
  }
}

BURIN_SIMD_CLONES
void normal_range(float* x, int64_t begin, int64_t end, float deviation, PhiloxPosition position) {
  alignas(64) float normals[kWordsATile];
  for (int64_t i = begin; i < end; i += kWordsATile) {
    fill_normal_tile(position, static_cast<uint32_t>(i / 4), normals);
    const int64_t count = std::min(kWordsATile, end - i);
    for (int64_t j = 0; j < count; ++j) x[i + j] = deviation * normals[j];
  }
}

}  // namespace

void random_uniform(float* x, int64_t n, float low, float high, RandomKey key, Stream) {
  const PhiloxPosition position = position_of(key);
  parallel_for(n, kGrain, [=](int64_t begin, int64_t end) {
    uniform_range(x, begin, end, low, high - low, position);
  });
}

void random_normal(float* x, int64_t n, float deviation, RandomKey key, Stream) {
  const PhiloxPosition position = position_of(key);
  parallel_for(n, kGrain, [=](int64_t begin, int64_t end) {
    normal_range(x, begin, end, deviation, position);
  });
}

}  // namespace burin::cpu
