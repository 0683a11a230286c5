#include "kernels/common/parallel.h"
#include "kernels/common/simd.h"
#include "kernels/gaussian_kl/gaussian_kl.h"
#include "kernels/reduce/chunked_sum.h"

namespace burin::cpu {
namespace {

BURIN_SIMD_CLONES
double value_range(const float* mean, const float* logvar, int64_t begin, int64_t end) {
  double lanes[kSumLanes] = {};
  for (int64_t i = begin; i < end; i += kSumLanes) {
    const int64_t width = std::min(kSumLanes, end - i);
    for (int64_t j = 0; j < width; ++j) {
      const float m = mean[i + j];
      lanes[j] += static_cast<double>(twice_gaussian_kl(m, exp_remainders(logvar[i + j])));
    }
  }
  return sum_lanes(lanes);
}

BURIN_SIMD_CLONES
double value_and_gradient_range(const float* mean, const float* logvar, float* d_mean,
                                float* d_logvar, int64_t begin, int64_t end, float scale) {
  const float half_scale = 0.5f * scale;
  double lanes[kSumLanes] = {};
  for (int64_t i = begin; i < end; i += kSumLanes) {
    const int64_t width = std::min(kSumLanes, end - i);
    for (int64_t j = 0; j < width; ++j) {
      const float m = mean[i + j];
      const ExpRemainders remainders = exp_remainders(logvar[i + j]);
      lanes[j] += static_cast<double>(twice_gaussian_kl(m, remainders));
      d_mean[i + j] = scale * m;
      d_logvar[i + j] = half_scale * remainders.first;
    }
  }
  return sum_lanes(lanes);
}

}  // namespace

void gaussian_kl(const float* mean, const float* logvar, int64_t n, float scale, float* loss,
                 float* d_mean, float* d_logvar, Stream) {
  const double total =
      chunked_sum<double>(n, kSumChunk, kGaussianKlGrain, [=](int64_t begin, int64_t end) {
        return d_mean == nullptr
                   ? value_range(mean, logvar, begin, end)
                   : value_and_gradient_range(mean, logvar, d_mean, d_logvar, begin, end, scale);
      });
  *loss = static_cast<float>(0.5 * static_cast<double>(scale) * total);
}

}  // namespace burin::cpu
