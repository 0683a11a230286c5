#include "kernels/common/cuda_random.cuh"
#include "kernels/common/cuda_vector.cuh"
#include "kernels/importance/importance.h"
#include "kernels/l1_activity/l1_activity.h"
#include "kernels/random_fill/normal_quad.cuh"
#include "kernels/reparameterize/reparameterize.h"

namespace burin::cuda {
namespace {

constexpr unsigned kAllLanes = 0xffffffffu;

// A group of `lanes` threads takes a row at a time, a quad and Philox block each. All groups of a
// warp make the same number of turns, for their sums go through shuffles.
__global__ void importance_sample_kernel(const float* heads /* [images, 2 latent] */,
                                         int64_t rows /* images * samples */, int64_t samples,
                                         int64_t latent, int lanes, int64_t first_sample,
                                         bool vectors, RandomKey key, uint64_t stride,
                                         float* z /* [rows, latent] */,
                                         float* log_ratio /* [rows] */) {
  const uint64_t step = block_step(key) * stride;
  const int lane = static_cast<int>(threadIdx.x) % lanes;
  const int64_t groups = grid_threads() / lanes, group = grid_thread() / lanes;
  for (int64_t begin = 0; begin < rows; begin += groups) {
    const int64_t row = begin + group;
    double sums[4] = {};
    if (row < rows) {
      const int64_t image = row / samples;
      const int64_t block = (first_sample + row - image * samples) * importance_blocks(latent);
      const float* mean = heads + image * 2 * latent;
      for (int64_t d = 4 * lane; d < latent; d += 4 * lanes) {
        const int64_t count = latent - d;
        const Lanes<4> m = load_quad(mean + d, count, vectors);
        const Lanes<4> v = load_quad(mean + latent + d, count, vectors);
        const Lanes<4> drawn = normal_quad(key, step + static_cast<uint64_t>(image), 4 * block + d);
        const auto sample = [](float a, float b, float e) { return reparameterize(a, b, e); };
        const Lanes<4> made = map(Width<4>{}, sample, m, v, drawn);
        store_quad(z + row * latent + d, made, count, vectors);
#pragma unroll
        for (int k = 0; k < 4; ++k) {
          if (k < count) sums[k] += importance_term(drawn.v[k], made.v[k], v.v[k]);
        }
      }
    }
    double total = ((sums[0] + sums[1]) + sums[2]) + sums[3];
    for (int distance = lanes / 2; distance > 0; distance /= 2) {
      total += __shfl_down_sync(kAllLanes, total, distance, lanes);
    }
    if (lane == 0 && row < rows) log_ratio[row] = static_cast<float>(0.5 * total);
  }
}

// A warp takes an image: its lanes make a weight each, and all add them in their order.
__global__ void importance_sum_kernel(const float* row_loss /* [images, samples] */,
                                      const float* log_ratio /* [images, samples] */,
                                      int64_t images, int64_t samples, bool first,
                                      double* exponent /* [images] */, double* sum /* [images] */) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  for (int64_t image = grid_thread() / 32; image < images; image += grid_threads() / 32) {
    double highest = first ? kNoExponent : exponent[image];
    double total = first ? 0.0 : sum[image];
    for (int64_t begin = 0; begin < samples; begin += 32) {
      ImportanceWeight weight = {0.0, kNoExponent};
      if (begin + lane < samples) {
        const int64_t row = image * samples + begin + lane;
        weight = importance_weight(static_cast<double>(log_ratio[row]) -
                                   static_cast<double>(row_loss[row]));
      }
      double most = weight.exponent;
      for (int distance = 16; distance > 0; distance /= 2) {
        const double other = __shfl_xor_sync(kAllLanes, most, distance);
        most = other > most ? other : most;
      }
      if (most > highest) {
        total *= importance_power(highest - most);
        highest = most;
      }
      const double term = weight.fraction * importance_power(weight.exponent - highest);
#pragma unroll
      for (int from = 0; from < 32; ++from) total += __shfl_sync(kAllLanes, term, from);
    }
    __syncwarp();  // all lanes have read what the first one overwrites
    if (lane == 0) {
      exponent[image] = highest;
      sum[image] = total;
    }
  }
}

// A warp an image, twice through its samples.
__global__ void importance_weights_kernel(const float* row_loss /* [images, samples] */,
                                          const float* log_ratio /* [images, samples] */,
                                          int64_t images, int64_t samples, float scale,
                                          float* image_loss /* [images] */,
                                          float* weights /* [images, samples] */) {
  static_assert(kImportanceLanes == 32);
  const int lane = static_cast<int>(threadIdx.x) % 32;
  for (int64_t image = grid_thread() / 32; image < images; image += grid_threads() / 32) {
    const int64_t begin = image * samples;
    const auto log_weight = [=](int64_t s) {
      return static_cast<double>(log_ratio[begin + s]) - static_cast<double>(row_loss[begin + s]);
    };
    // The first one's for lanes that have none. A NaN does not become the highest, and comes back
    // in its own weight; as the first it stays.
    double highest = log_weight(0);
    for (int64_t s = lane; s < samples; s += 32) {
      const double w = log_weight(s);
      highest = highest < w ? w : highest;
    }
    for (int distance = 16; distance > 0; distance /= 2) {
      const double other = __shfl_xor_sync(kAllLanes, highest, distance);
      highest = highest < other ? other : highest;
    }
    double total = 0.0;
    for (int64_t s = lane; s < samples; s += 32) total += importance_share(log_weight(s) - highest);
    for (int distance = 16; distance > 0; distance /= 2) {
      total += __shfl_down_sync(kAllLanes, total, distance);
    }
    total = __shfl_sync(kAllLanes, total, 0);
    const double factor = static_cast<double>(scale) / total;
    for (int64_t s = lane; s < samples; s += 32) {
      weights[begin + s] = static_cast<float>(factor * importance_share(log_weight(s) - highest));
    }
    if (lane == 0) {
      image_loss[image] =
          static_cast<float>(log(static_cast<double>(samples)) - log(total) - highest);
    }
  }
}

// A thread a latent of an image.
template <ImportanceEstimator estimator>
__global__ void importance_backward_kernel(
    const float* heads /* [images, 2 latent] */, const float* z /* [images, samples, latent] */,
    const float* d_z /* [images, samples, latent] */, const float* weights /* [images, samples] */,
    const float* shares /* [images, samples] */, int64_t images, int64_t samples, int64_t latent,
    float scale, float l1_scale, float* d_heads /* [images, 2 latent] */) {
  for (int64_t i = grid_thread(); i < images * latent; i += grid_threads()) {
    const int64_t image = i / latent, d = i - image * latent;
    const float mean = heads[image * 2 * latent + d];
    const double inverse_variance =
        static_cast<double>(math::exp(-heads[image * 2 * latent + latent + d]));
    double of_mean = 0.0, of_logvar = 0.0;
    for (int64_t s = 0; s < samples; ++s) {
      const int64_t row = image * samples + s;
      const double share = static_cast<double>(shares[row]) / static_cast<double>(scale);
      const ImportanceGradient g = importance_gradient<estimator>(
          mean, inverse_variance, z[row * latent + d], d_z[row * latent + d], weights[row], share);
      of_mean += g.mean;
      of_logvar += g.logvar;
    }
    of_mean += static_cast<double>(l1_scale * sign(mean));
    d_heads[image * 2 * latent + d] = static_cast<float>(of_mean);
    d_heads[image * 2 * latent + latent + d] = static_cast<float>(of_logvar);
  }
}

}  // namespace

void importance_sample(const float* heads, int64_t images, int64_t samples, int64_t latent,
                       int64_t first_sample, RandomKey key, uint64_t stride, float* z,
                       float* log_ratio, Stream stream) {
  const int64_t rows = images * samples;
  if (rows == 0) return;
  const bool vectors = latent % 4 == 0 && aligned(heads) && aligned(z);
  const int lanes = importance_lanes(latent);
  importance_sample_kernel<<<blocks_for(rows * lanes), kThreads, 0, stream_of(stream)>>>(
      heads, rows, samples, latent, lanes, first_sample, vectors, key, stride, z, log_ratio);
  check_launch("importance_sample_kernel");
}

void importance_sum(const float* row_loss, const float* log_ratio, int64_t images, int64_t samples,
                    bool first, double* exponent, double* sum, Stream stream) {
  if (images == 0) return;
  importance_sum_kernel<<<blocks_for(images * 32), kThreads, 0, stream_of(stream)>>>(
      row_loss, log_ratio, images, samples, first, exponent, sum);
  check_launch("importance_sum_kernel");
}

void importance_weights(const float* row_loss, const float* log_ratio, int64_t images,
                        int64_t samples, float scale, float* image_loss, float* weights,
                        Stream stream) {
  if (images == 0) return;
  importance_weights_kernel<<<blocks_for(images * 32), kThreads, 0, stream_of(stream)>>>(
      row_loss, log_ratio, images, samples, scale, image_loss, weights);
  check_launch("importance_weights_kernel");
}

void importance_backward(ImportanceEstimator estimator, const float* heads, const float* z,
                         const float* d_z, const float* weights, const float* shares,
                         int64_t images, int64_t samples, int64_t latent, float scale,
                         float l1_scale, float* d_heads, Stream stream) {
  if (images * latent == 0) return;
  const auto kernel = estimator == ImportanceEstimator::reparameterized
                          ? importance_backward_kernel<ImportanceEstimator::reparameterized>
                          : importance_backward_kernel<ImportanceEstimator::doubly_reparameterized>;
  kernel<<<blocks_for(images * latent), kThreads, 0, stream_of(stream)>>>(
      heads, z, d_z, weights, shares, images, samples, latent, scale, l1_scale, d_heads);
  check_launch("importance_backward_kernel");
}

}  // namespace burin::cuda
