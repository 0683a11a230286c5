#include "kernels/bce_logits/bce_logits.h"

#include <algorithm>
#include <cmath>

#include "kernels/common/parallel.h"
#include "kernels/common/simd.h"
#include "kernels/reduce/chunked_sum.h"

namespace burin::cpu {
namespace {

// Elements a thread takes at least: an exponential and a division each.
constexpr int64_t kGrain = 8192;

// The sum of log(1 + e^-|x|) is the logarithm of a product: a lane multiplies its factors, which
// lie in [1, 2], and few logarithms are taken at the end. A factor or product is kept as its excess
// over 1, lest small ones vanish beside the 1.
constexpr int64_t kLanes = 16;
constexpr int64_t kJoined = 4;  // elements that are joined before a lane takes them

// (1 + a) (1 + b) - 1
BURIN_ALWAYS_INLINE double joined(double a, double b) {
  return a + (b + a * b);
}
BURIN_ALWAYS_INLINE float joined_single(float a, float b) {
  return a + std::fma(a, b, b);
}

struct LossLanes {
  double linear[kLanes] = {};
  double excess[kLanes] = {};
};

// The sum of the lanes, which have taken `count` elements; overwrites them.
BURIN_ALWAYS_INLINE double sum_of(LossLanes& lanes, int64_t count) {
  // As few logarithms as there may be: a product of so many factors up to 2 does not overflow.
  constexpr int64_t kFactors = 1000;
  static_assert(kSumChunk <= kFactors * kLanes);
  int64_t products = 1;
  while (products * kFactors < count) products *= 2;
  for (int64_t half = kLanes / 2; half > 0; half /= 2) {
    for (int64_t j = 0; j < half; ++j) {
      lanes.linear[j] += lanes.linear[j + half];
      if (half >= products) lanes.excess[j] = joined(lanes.excess[j], lanes.excess[j + half]);
    }
  }
  double logarithms = 0;
  for (int64_t j = 0; j < products; ++j) logarithms += std::log1p(lanes.excess[j]);
  return lanes.linear[0] + logarithms;
}

// The loss of up to kSumChunk elements; with kGradient also d_logits, which may be logits. Four
// elements' excesses are joined in single precision, and their linear parts added: as no term is
// negative, their sum is good to a few roundings of its own size, and to carry each to double would
// cost more than the exponentials do.
template <bool kGradient>
BURIN_ALWAYS_INLINE double chunk_loss(const float* logits, const float* target, int64_t count,
                                      float scale, float* d_logits) {
  LossLanes lanes;
  int64_t i = 0;
  for (; i + kJoined * kLanes <= count; i += kJoined * kLanes) {
    float linear[kJoined][kLanes], excess[kJoined][kLanes], gradient[kJoined][kLanes];
    for (int64_t k = 0; k < kJoined; ++k) {
      for (int64_t j = 0; j < kLanes; ++j) {
        const float x = logits[i + k * kLanes + j], t = target[i + k * kLanes + j];
        const float e = math::exp(x < 0.0f ? x : -x);
        linear[k][j] = bce_logits_linear(x, t);
        excess[k][j] = e;
        if constexpr (kGradient) gradient[k][j] = scale * bce_logits_derivative(x, t, e);
      }
    }
    for (int64_t j = 0; j < kLanes; ++j) {
      const float four = joined_single(joined_single(excess[0][j], excess[1][j]),
                                       joined_single(excess[2][j], excess[3][j]));
      const float part = (linear[0][j] + linear[1][j]) + (linear[2][j] + linear[3][j]);
      lanes.linear[j] += static_cast<double>(part);
      lanes.excess[j] = joined(lanes.excess[j], static_cast<double>(four));
    }
    if constexpr (kGradient) std::copy_n(gradient[0], kJoined * kLanes, d_logits + i);
  }
  for (; i < count; i += kLanes) {
    const int64_t width = std::min(kLanes, count - i);
    for (int64_t j = 0; j < width; ++j) {
      const float x = logits[i + j], t = target[i + j];
      const float e = math::exp(x < 0.0f ? x : -x);
      lanes.linear[j] += static_cast<double>(bce_logits_linear(x, t));
      lanes.excess[j] = joined(lanes.excess[j], static_cast<double>(e));
      if constexpr (kGradient) d_logits[i + j] = scale * bce_logits_derivative(x, t, e);
    }
  }
  return sum_of(lanes, count);
}

BURIN_SIMD_CLONES
double value_of_chunk(const float* logits, const float* target, int64_t count) {
  return chunk_loss<false>(logits, target, count, 0.0f, nullptr);
}

BURIN_SIMD_CLONES
double value_and_gradient_of_chunk(const float* logits, const float* target, int64_t count,
                                   float scale, float* d_logits) {
  return chunk_loss<true>(logits, target, count, scale, d_logits);
}

BURIN_SIMD_CLONES
void gradient_of_row(const float* logits, const float* target, float weight, int64_t cols,
                     float* d_logits) {
  for (int64_t i = 0; i < cols; ++i) {
    const float x = logits[i];
    d_logits[i] = weight * bce_logits_derivative(x, target[i], math::exp(x < 0.0f ? x : -x));
  }
}

}  // namespace

void bce_logits(const float* logits, const float* target, int64_t n, float scale, float* loss,
                float* d_logits, Stream) {
  const double total = chunked_sum<double>(n, kSumChunk, kGrain, [=](int64_t begin, int64_t end) {
    const float* x = logits + begin;
    const float* t = target + begin;
    return d_logits == nullptr
               ? value_of_chunk(x, t, end - begin)
               : value_and_gradient_of_chunk(x, t, end - begin, scale, d_logits + begin);
  });
  *loss = static_cast<float>(static_cast<double>(scale) * total);
}

void bce_logits_rows(const float* logits, const float* target, int64_t rows, int64_t cols,
                     int64_t repeats, float* row_loss, Stream) {
  const int64_t grain = std::max<int64_t>(1, kGrain / std::max<int64_t>(1, cols));
  parallel_for(rows, grain, [=](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const float* x = logits + row * cols;
      const float* t = target + row / repeats * cols;
      double total = 0;
      for (int64_t i = 0; i < cols; i += kSumChunk) {
        total += value_of_chunk(x + i, t + i, std::min(kSumChunk, cols - i));
      }
      row_loss[row] = static_cast<float>(total);
    }
  });
}

void bce_logits_rows_backward(const float* logits, const float* target, const float* weights,
                              int64_t rows, int64_t cols, int64_t repeats, float* d_logits,
                              Stream) {
  const int64_t grain = std::max<int64_t>(1, kGrain / std::max<int64_t>(1, cols));
  parallel_for(rows, grain, [=](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      gradient_of_row(logits + row * cols, target + row / repeats * cols, weights[row], cols,
                      d_logits + row * cols);
    }
  });
}

}  // namespace burin::cpu
