#include "kernels/gaussian_latent/gaussian_latent.h"

#include <algorithm>

#include "kernels/common/parallel.h"
#include "kernels/common/philox_lanes.h"
#include "kernels/common/simd.h"
#include "kernels/random_fill/normal_tile.h"
#include "kernels/reduce/chunked_sum.h"

namespace burin::cpu {
namespace {

// Elements of [rows, latent] worked on at once. Rows are short, and the exponentials want whole
// vectors: so a tile's means and log-variances are first laid side by side.
constexpr int64_t kTile = kWordsATile;
static_assert(kSumChunk % kTile == 0 && kTile % kSumLanes == 0);

struct Tile {
  alignas(64) float mean[kTile];
  alignas(64) float logvar[kTile];
};

// piece(place, offset, length) for each row's part of the tile of `count` elements from `begin` on:
// `place` of its first mean in heads, `offset` in the tile.
template <class Piece>
BURIN_ALWAYS_INLINE void for_pieces(int64_t latent, int64_t begin, int64_t count,
                                    const Piece& piece) {
  int64_t column = begin % latent;
  for (int64_t offset = 0; offset < count; column = 0) {
    const int64_t length = std::min(latent - column, count - offset);
    piece(place_in_heads(begin + offset, latent), offset, length);
    offset += length;
  }
}

BURIN_ALWAYS_INLINE void load_tile(const float* heads, int64_t latent, int64_t begin, int64_t count,
                                   Tile& tile) {
  const auto copy =
      [ =, &tile ](int64_t place, int64_t offset, int64_t length) __attribute__((always_inline)) {
    std::copy_n(heads + place, length, tile.mean + offset);
    std::copy_n(heads + place + latent, length, tile.logvar + offset);
  };
  for_pieces(latent, begin, count, copy);
}

BURIN_ALWAYS_INLINE void store_tile(const Tile& tile, int64_t latent, int64_t begin, int64_t count,
                                    float* heads) {
  const auto copy =
      [ =, &tile ](int64_t place, int64_t offset, int64_t length) __attribute__((always_inline)) {
    std::copy_n(tile.mean + offset, length, heads + place);
    std::copy_n(tile.logvar + offset, length, heads + place + latent);
  };
  for_pieces(latent, begin, count, copy);
}

// A chunk of the sum: gaussian_kl's lanes.
BURIN_SIMD_CLONES
double forward_range(const float* heads, int64_t latent, float* noise, float* z, int64_t begin,
                     int64_t end, PhiloxPosition position) {
  Tile tile;
  alignas(64) float normals[kTile];
  double lanes[kSumLanes] = {};
  for (int64_t i = begin; i < end; i += kTile) {
    const int64_t count = std::min(kTile, end - i);
    load_tile(heads, latent, i, count, tile);
    fill_normal_tile(position, static_cast<uint32_t>(i / 4), normals);
    for (int64_t j = 0; j < count; ++j) {
      z[i + j] = reparameterize(tile.mean[j], tile.logvar[j], normals[j]);
    }
    std::copy_n(normals, count, noise + i);
    for (int64_t first = 0; first < count; first += kSumLanes) {
      const int64_t width = std::min(kSumLanes, count - first);
      for (int64_t j = 0; j < width; ++j) {
        const ExpRemainders remainders = exp_remainders(tile.logvar[first + j]);
        lanes[j] += static_cast<double>(twice_gaussian_kl(tile.mean[first + j], remainders));
      }
    }
  }
  return sum_lanes(lanes);
}

BURIN_SIMD_CLONES
void backward_range(const float* heads, const float* noise, const float* d_z, int64_t latent,
                    float* d_heads, int64_t begin, int64_t end, float scale, float l1_scale) {
  Tile tile;
  for (int64_t i = begin; i < end; i += kTile) {
    const int64_t count = std::min(kTile, end - i);
    load_tile(heads, latent, i, count, tile);
    for (int64_t j = 0; j < count; ++j) {
      const LatentGradient gradient = gaussian_latent_gradient(
          tile.mean[j], tile.logvar[j], noise[i + j], d_z[i + j], scale, l1_scale);
      tile.mean[j] = gradient.d_mean;
      tile.logvar[j] = gradient.d_logvar;
    }
    store_tile(tile, latent, i, count, d_heads);
  }
}

}  // namespace

void gaussian_latent_forward(const float* heads, int64_t rows, int64_t latent, float scale,
                             RandomKey key, float* noise, float* z, float* kl, Stream) {
  const PhiloxPosition position = position_of(key);
  const double total = chunked_sum<double>(
      rows * latent, kSumChunk, kGaussianKlGrain, [=](int64_t begin, int64_t end) {
        return forward_range(heads, latent, noise, z, begin, end, position);
      });
  *kl = static_cast<float>(0.5 * static_cast<double>(scale) * total);
}

void gaussian_latent_backward(const float* heads, const float* noise, const float* d_z,
                              int64_t rows, int64_t latent, float scale, float l1_scale,
                              float* d_heads, Stream) {
  parallel_for(rows * latent, kGaussianKlGrain, [=](int64_t begin, int64_t end) {
    backward_range(heads, noise, d_z, latent, d_heads, begin, end, scale, l1_scale);
  });
}

}  // namespace burin::cpu
