#include "kernels/reparameterize/reparameterize.h"

#include <algorithm>

#include "kernels/common/parallel.h"
#include "kernels/common/philox_lanes.h"
#include "kernels/common/simd.h"
#include "kernels/random_fill/normal_tile.h"

namespace burin::cpu {
namespace {

constexpr int64_t kForwardGrain = 32 * kWordsATile;  // chunks begin at a tile

BURIN_SIMD_CLONES
void forward_range(const float* mean, const float* logvar, float* noise, float* z, int64_t begin,
                   int64_t end, PhiloxPosition position) {
  alignas(64) float normals[kWordsATile];
  for (int64_t i = begin; i < end; i += kWordsATile) {
    fill_normal_tile(position, static_cast<uint32_t>(i / 4), normals);
    const int64_t count = std::min(kWordsATile, end - i);
    for (int64_t j = 0; j < count; ++j) {
      z[i + j] = reparameterize(mean[i + j], logvar[i + j], normals[j]);
    }
    std::copy_n(normals, count, noise + i);
  }
}

BURIN_SIMD_CLONES
void backward_range(const float* logvar, const float* noise, const float* d_z, float* d_mean,
                    float* d_logvar, int64_t begin, int64_t end, bool accumulate) {
  if (accumulate) {
    for (int64_t i = begin; i < end; ++i) {
      d_logvar[i] += d_z[i] * reparameterize_d_logvar(logvar[i], noise[i]);
      d_mean[i] += d_z[i];
    }
  } else {
    for (int64_t i = begin; i < end; ++i) {
      const float d = d_z[i];  // read before d_mean is written: they may be the same
      d_logvar[i] = d * reparameterize_d_logvar(logvar[i], noise[i]);
      d_mean[i] = d;
    }
  }
}

}  // namespace

void reparameterize_forward(const float* mean, const float* logvar, int64_t n, RandomKey key,
                            float* noise, float* z, Stream) {
  const PhiloxPosition position = position_of(key);
  parallel_for(n, kForwardGrain, [=](int64_t begin, int64_t end) {
    forward_range(mean, logvar, noise, z, begin, end, position);
  });
}

void reparameterize_backward(const float* logvar, const float* noise, const float* d_z,
                             float* d_mean, float* d_logvar, int64_t n, bool accumulate, Stream) {
  parallel_for(n, kElementwiseGrain, [=](int64_t begin, int64_t end) {
    backward_range(logvar, noise, d_z, d_mean, d_logvar, begin, end, accumulate);
  });
}

}  // namespace burin::cpu
