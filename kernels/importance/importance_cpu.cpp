#include "kernels/importance/importance.h"

#include <algorithm>
#include <cmath>

#include "kernels/common/parallel.h"
#include "kernels/common/philox_lanes.h"
#include "kernels/common/simd.h"
#include "kernels/l1_activity/l1_activity.h"
#include "kernels/random_fill/normal_tile.h"
#include "kernels/reparameterize/reparameterize.h"

namespace burin::cpu {
namespace {

constexpr int64_t kSampleGrain = 8192;  // normals that a thread takes at least
constexpr int64_t kSumGrain = 1024;     // weights
constexpr int64_t kMostLanes = 4 * 32;  // four to a lane of importance_lanes
constexpr int64_t kWeightTile = 64;

// Samples lie one after the other, each padded to whole Philox blocks: `row` elements, of which
// `latent` are used. Exponentials want whole vectors and rows are short: so means and log-variances
// are first laid side by side.
struct Tile {
  alignas(64) float mean[kWordsATile];
  alignas(64) float logvar[kWordsATile];
  alignas(64) float z[kWordsATile];
  alignas(64) float normals[kWordsATile];
  alignas(64) double term[kWordsATile];
};

// Adds a row's lanes, in importance_lanes' order; sets them to zero.
BURIN_ALWAYS_INLINE double take_row(double (&lanes)[kMostLanes], int count) {
  double sums[kMostLanes / 4];
  for (int q = 0; q < count; ++q) {
    const double* quad = lanes + 4 * q;
    sums[q] = ((quad[0] + quad[1]) + quad[2]) + quad[3];
  }
  for (int half = count / 2; half > 0; half /= 2) {
    for (int q = 0; q < half; ++q) sums[q] += sums[q + half];
  }
  std::fill_n(lanes, 4 * count, 0.0);
  return sums[0];
}

// Samples of one image; `z` and `log_ratio` are those of the first, whose Philox block is `block`.
BURIN_SIMD_CLONES
void sample_image(const float* head, int64_t samples, int64_t latent, uint32_t block,
                  PhiloxPosition position, float* z, float* log_ratio) {
  const int64_t row = 4 * importance_blocks(latent);
  const int count = importance_lanes(latent);
  double lanes[kMostLanes] = {};
  Tile tile = {};
  // piece(offset, d, used): `used` dimensions from d on of a sample lie at `offset` in the tile.
  const auto for_pieces = [=](int64_t begin, int64_t width, const auto& piece)
      __attribute__((always_inline)) {
    int64_t d = begin % row;
    for (int64_t offset = 0; offset < width; d = 0) {
      const int64_t length = std::min(row - d, width - offset);
      piece(offset, d, std::clamp<int64_t>(latent - d, 0, length), d + length == row);
      offset += length;
    }
  };
  for (int64_t i = 0; i < samples * row; i += kWordsATile) {
    const int64_t width = std::min(kWordsATile, samples * row - i);
    const auto load =
        [ =, &tile ](int64_t offset, int64_t d, int64_t used, bool) __attribute__((always_inline)) {
      std::copy_n(head + d, used, tile.mean + offset);
      std::copy_n(head + latent + d, used, tile.logvar + offset);
    };
    for_pieces(i, width, load);
    fill_normal_tile(position, block + static_cast<uint32_t>(i / 4), tile.normals);
    for (int64_t j = 0; j < kWordsATile; ++j) {
      tile.z[j] = reparameterize(tile.mean[j], tile.logvar[j], tile.normals[j]);
      tile.term[j] = importance_term(tile.normals[j], tile.z[j], tile.logvar[j]);
    }
    int64_t sample = i / row;
    const auto store = [&](int64_t offset, int64_t d, int64_t used, bool ends)
        __attribute__((always_inline)) {
      std::copy_n(tile.z + offset, used, z + sample * latent + d);
      for (int64_t j = 0; j < used;) {
        const int64_t lane = (d + j) % kMostLanes;
        const int64_t length = std::min(kMostLanes - lane, used - j);
        for (int64_t k = 0; k < length; ++k) lanes[lane + k] += tile.term[offset + j + k];
        j += length;
      }
      if (ends) log_ratio[sample++] = static_cast<float>(0.5 * take_row(lanes, count));
    };
    for_pieces(i, width, store);
  }
}

BURIN_SIMD_CLONES
void sum_image(const float* row_loss, const float* log_ratio, int64_t samples, double* exponent,
               double* sum) {
  double fraction[kWeightTile], power[kWeightTile];
  double highest = *exponent, total = *sum;
  for (int64_t first = 0; first < samples; first += kWeightTile) {
    const int64_t width = std::min(kWeightTile, samples - first);
    for (int64_t s = 0; s < width; ++s) {
      const ImportanceWeight weight = importance_weight(static_cast<double>(log_ratio[first + s]) -
                                                        static_cast<double>(row_loss[first + s]));
      fraction[s] = weight.fraction;
      power[s] = weight.exponent;
    }
    const double most = *std::max_element(power, power + width);
    if (most > highest) {
      total *= importance_power(highest - most);
      highest = most;
    }
    for (int64_t s = 0; s < width; ++s) total += fraction[s] * importance_power(power[s] - highest);
  }
  *exponent = highest;
  *sum = total;
}

BURIN_SIMD_CLONES
float weights_of_image(const float* row_loss, const float* log_ratio, int64_t samples, float scale,
                       float* weights) {
  const auto log_weight = [=](int64_t s) __attribute__((always_inline)) {
    return static_cast<double>(log_ratio[s]) - static_cast<double>(row_loss[s]);
  };
  double highest = log_weight(0);
  for (int64_t s = 1; s < samples; ++s) highest = std::max(highest, log_weight(s));
  double sums[kImportanceLanes] = {};
  for (int64_t s = 0; s < samples; ++s) {
    sums[s % kImportanceLanes] += importance_share(log_weight(s) - highest);
  }
  for (int half = kImportanceLanes / 2; half > 0; half /= 2) {
    for (int l = 0; l < half; ++l) sums[l] += sums[l + half];
  }
  const double factor = static_cast<double>(scale) / sums[0];
  for (int64_t s = 0; s < samples; ++s) {
    weights[s] = static_cast<float>(factor * importance_share(log_weight(s) - highest));
  }
  return static_cast<float>(std::log(static_cast<double>(samples)) - std::log(sums[0]) - highest);
}

// Latents [begin, begin + width) of one image.
template <ImportanceEstimator estimator>
BURIN_ALWAYS_INLINE void gradient_of_image_by(const float* head, const float* z, const float* d_z,
                                              const float* weights, const float* shares,
                                              int64_t samples, int64_t latent, int64_t begin,
                                              int64_t width, float scale, float l1_scale,
                                              float* d_head) {
  double mean[kWeightTile] = {}, logvar[kWeightTile] = {}, inverse_variance[kWeightTile];
  for (int64_t d = 0; d < width; ++d) {
    inverse_variance[d] = static_cast<double>(math::exp(-head[latent + begin + d]));
  }
  for (int64_t s = 0; s < samples; ++s) {
    const int64_t row = s * latent + begin;
    const double share = static_cast<double>(shares[s]) / static_cast<double>(scale);
    for (int64_t d = 0; d < width; ++d) {
      const ImportanceGradient g = importance_gradient<estimator>(
          head[begin + d], inverse_variance[d], z[row + d], d_z[row + d], weights[s], share);
      mean[d] += g.mean;
      logvar[d] += g.logvar;
    }
  }
  for (int64_t d = 0; d < width; ++d) {
    const double penalty = static_cast<double>(l1_scale * sign(head[begin + d]));
    d_head[begin + d] = static_cast<float>(mean[d] + penalty);
    d_head[latent + begin + d] = static_cast<float>(logvar[d]);
  }
}

BURIN_SIMD_CLONES
void gradient_of_image(ImportanceEstimator estimator, const float* head, const float* z,
                       const float* d_z, const float* weights, const float* shares, int64_t samples,
                       int64_t latent, int64_t begin, int64_t width, float scale, float l1_scale,
                       float* d_head) {
  if (estimator == ImportanceEstimator::reparameterized) {
    gradient_of_image_by<ImportanceEstimator::reparameterized>(
        head, z, d_z, weights, shares, samples, latent, begin, width, scale, l1_scale, d_head);
  } else {
    gradient_of_image_by<ImportanceEstimator::doubly_reparameterized>(
        head, z, d_z, weights, shares, samples, latent, begin, width, scale, l1_scale, d_head);
  }
}

}  // namespace

void importance_sample(const float* heads, int64_t images, int64_t samples, int64_t latent,
                       int64_t first_sample, RandomKey key, uint64_t stride, float* z,
                       float* log_ratio, Stream) {
  const int64_t blocks = importance_blocks(latent);
  PhiloxPosition begin_position = position_of(key);
  begin_position.step *= stride;
  if (latent == 0) std::fill_n(log_ratio, images * samples, 0.0f);
  if (latent == 0 || samples == 0) return;
  const int64_t grain = std::max<int64_t>(1, kSampleGrain / (4 * blocks));
  parallel_for(images * samples, grain, [=](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end;) {
      const int64_t image = row / samples;
      const int64_t last = std::min(end, (image + 1) * samples);
      PhiloxPosition position = begin_position;
      position.step += static_cast<uint64_t>(image);
      const int64_t block = (first_sample + row - image * samples) * blocks;
      sample_image(heads + image * 2 * latent, last - row, latent, static_cast<uint32_t>(block),
                   position, z + row * latent, log_ratio + row);
      row = last;
    }
  });
}

void importance_sum(const float* row_loss, const float* log_ratio, int64_t images, int64_t samples,
                    bool first, double* exponent, double* sum, Stream) {
  const int64_t grain = std::max<int64_t>(1, kSumGrain / std::max<int64_t>(1, samples));
  parallel_for(images, grain, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      if (first) exponent[i] = kNoExponent;
      if (first) sum[i] = 0.0;
      sum_image(row_loss + i * samples, log_ratio + i * samples, samples, exponent + i, sum + i);
    }
  });
}

void importance_weights(const float* row_loss, const float* log_ratio, int64_t images,
                        int64_t samples, float scale, float* image_loss, float* weights, Stream) {
  const int64_t grain = std::max<int64_t>(1, kSumGrain / std::max<int64_t>(1, samples));
  parallel_for(images, grain, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      image_loss[i] = weights_of_image(row_loss + i * samples, log_ratio + i * samples, samples,
                                       scale, weights + i * samples);
    }
  });
}

void importance_backward(ImportanceEstimator estimator, const float* heads, const float* z,
                         const float* d_z, const float* weights, const float* shares,
                         int64_t images, int64_t samples, int64_t latent, float scale,
                         float l1_scale, float* d_heads, Stream) {
  const int64_t grain = std::max<int64_t>(1, kSampleGrain / std::max<int64_t>(1, samples * latent));
  parallel_for(images, grain, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t first = i * samples * latent;
      for (int64_t d = 0; d < latent; d += kWeightTile) {
        gradient_of_image(estimator, heads + i * 2 * latent, z + first, d_z + first,
                          weights + i * samples, shares + i * samples, samples, latent, d,
                          std::min(kWeightTile, latent - d), scale, l1_scale,
                          d_heads + i * 2 * latent);
      }
    }
  });
}

}  // namespace burin::cpu
