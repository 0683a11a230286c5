#include "kernels/bce_logits/bce_logits.h"
#include "kernels/common/parallel.h"
#include "kernels/common/simd.h"
#include "kernels/reduce/chunked_sum.h"

namespace burin::cpu {
namespace {

// Elements a thread takes at least: an exponential, a logarithm and two divisions each.
constexpr int64_t kGrain = 8192;

BURIN_SIMD_CLONES
double value_range(const float* logits, const float* target, int64_t begin, int64_t end) {
  double lanes[kSumLanes] = {};
  for (int64_t i = begin; i < end; i += kSumLanes) {
    const int64_t width = std::min(kSumLanes, end - i);
    for (int64_t j = 0; j < width; ++j) {
      const float x = logits[i + j];
      const float e = math::exp(x < 0.0f ? x : -x);
      lanes[j] += static_cast<double>(bce_logits_value(x, target[i + j], e));
    }
  }
  return sum_lanes(lanes);
}

BURIN_SIMD_CLONES
double value_and_gradient_range(const float* logits, const float* target, float* d_logits,
                                int64_t begin, int64_t end, float scale) {
  double lanes[kSumLanes] = {};
  for (int64_t i = begin; i < end; i += kSumLanes) {
    const int64_t width = std::min(kSumLanes, end - i);
    for (int64_t j = 0; j < width; ++j) {
      const float x = logits[i + j];
      const float t = target[i + j];
      const float e = math::exp(x < 0.0f ? x : -x);
      lanes[j] += static_cast<double>(bce_logits_value(x, t, e));
      d_logits[i + j] = scale * bce_logits_derivative(x, t, e);
    }
  }
  return sum_lanes(lanes);
}

}  // namespace

void bce_logits(const float* logits, const float* target, int64_t n, float scale, float* loss,
                float* d_logits, Stream) {
  const double total = chunked_sum<double>(n, kSumChunk, kGrain, [=](int64_t begin, int64_t end) {
    return d_logits == nullptr
               ? value_range(logits, target, begin, end)
               : value_and_gradient_range(logits, target, d_logits, begin, end, scale);
  });
  *loss = static_cast<float>(static_cast<double>(scale) * total);
}

void bce_logits_rows(const float* logits, const float* target, int64_t rows, int64_t cols,
                     float* row_loss, Stream) {
  const int64_t grain = std::max<int64_t>(1, kGrain / std::max<int64_t>(1, cols));
  parallel_for(rows, grain, [=](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      row_loss[row] = static_cast<float>(value_range(logits, target, row * cols, (row + 1) * cols));
    }
  });
}

}  // namespace burin::cpu
