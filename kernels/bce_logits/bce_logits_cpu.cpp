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

// A chunk's sum of log(1 + e^-|x|) is the logarithm of a product: each lane multiplies its
// factors, which lie in [1, 2], in double, and a few logarithms are taken at the end instead of one
// an element. No term is rounded to single precision on its way.
struct LossLanes {
  double linear[kSumLanes] = {};
  double excess[kSumLanes] = {};  // the product minus 1, lest small factors vanish beside the 1
};

// (1 + a) (1 + b) - 1
BURIN_ALWAYS_INLINE double joined(double a, double b) {
  return a + (b + a * b);
}

// Lane j takes element i. `e` is e^-|logit|.
BURIN_ALWAYS_INLINE void add_loss(LossLanes& lanes, int64_t j, float logit, float target, float e) {
  lanes.linear[j] += static_cast<double>(bce_logits_linear(logit, target));
  lanes.excess[j] = joined(lanes.excess[j], static_cast<double>(e));
}

// The sum of the lanes; overwrites them.
double sum_of(LossLanes& lanes) {
  constexpr int64_t kProducts = 8;
  static_assert(kSumChunk / kProducts < 1024, "2^1024 overflows");
  for (int64_t half = kSumLanes / 2; half >= kProducts; half /= 2) {
    for (int64_t j = 0; j < half; ++j) {
      lanes.excess[j] = joined(lanes.excess[j], lanes.excess[j + half]);
    }
  }
  double logarithms = 0;
  for (int64_t j = 0; j < kProducts; ++j) logarithms += std::log1p(lanes.excess[j]);
  return sum_lanes(lanes.linear) + logarithms;
}

// [begin, end) is no longer than kSumChunk.
BURIN_SIMD_CLONES
void value_range(const float* logits, const float* target, int64_t begin, int64_t end,
                 LossLanes& lanes) {
  for (int64_t i = begin; i < end; i += kSumLanes) {
    const int64_t width = std::min(kSumLanes, end - i);
    for (int64_t j = 0; j < width; ++j) {
      const float x = logits[i + j];
      add_loss(lanes, j, x, target[i + j], math::exp(x < 0.0f ? x : -x));
    }
  }
}

BURIN_SIMD_CLONES
void value_and_gradient_range(const float* logits, const float* target, float* d_logits,
                              int64_t begin, int64_t end, float scale, LossLanes& lanes) {
  for (int64_t i = begin; i < end; i += kSumLanes) {
    const int64_t width = std::min(kSumLanes, end - i);
    for (int64_t j = 0; j < width; ++j) {
      const float x = logits[i + j];
      const float t = target[i + j];
      const float e = math::exp(x < 0.0f ? x : -x);
      add_loss(lanes, j, x, t, e);
      d_logits[i + j] = scale * bce_logits_derivative(x, t, e);
    }
  }
}

// Of a row the excesses of four elements are joined in single precision first, and their linear
// parts added: as no term is negative, their sum is good to a few roundings of its own size. That
// is less to carry to double, which costs more than the exponentials do.
constexpr int64_t kRowLanes = 16;

// (1 + a) (1 + b) - 1
BURIN_ALWAYS_INLINE float joined_single(float a, float b) {
  return a + std::fma(a, b, b);
}

// The loss of up to kSumChunk elements.
BURIN_SIMD_CLONES
double row_chunk(const float* logits, const float* target, int64_t cols) {
  constexpr int64_t kFour = 4 * kRowLanes;
  double linear[kRowLanes] = {};
  double excess[kRowLanes] = {};
  int64_t i = 0;
  for (; i + kFour <= cols; i += kFour) {
    float four[kRowLanes], part[kRowLanes];
    for (int64_t j = 0; j < kRowLanes; ++j) {
      const float a = logits[i + j], b = logits[i + j + kRowLanes];
      const float c = logits[i + j + 2 * kRowLanes], d = logits[i + j + 3 * kRowLanes];
      const float e = math::exp(a < 0.0f ? a : -a), f = math::exp(b < 0.0f ? b : -b);
      const float g = math::exp(c < 0.0f ? c : -c), h = math::exp(d < 0.0f ? d : -d);
      four[j] = joined_single(joined_single(e, f), joined_single(g, h));
      part[j] =
          (bce_logits_linear(a, target[i + j]) + bce_logits_linear(b, target[i + j + kRowLanes])) +
          (bce_logits_linear(c, target[i + j + 2 * kRowLanes]) +
           bce_logits_linear(d, target[i + j + 3 * kRowLanes]));
    }
    for (int64_t j = 0; j < kRowLanes; ++j) {
      linear[j] += static_cast<double>(part[j]);
      excess[j] = joined(excess[j], static_cast<double>(four[j]));
    }
  }
  for (; i < cols; i += kRowLanes) {
    const int64_t width = std::min(kRowLanes, cols - i);
    for (int64_t j = 0; j < width; ++j) {
      const float x = logits[i + j];
      linear[j] += static_cast<double>(bce_logits_linear(x, target[i + j]));
      excess[j] = joined(excess[j], static_cast<double>(math::exp(x < 0.0f ? x : -x)));
    }
  }
  // As few logarithms as there may be: a product of so many factors up to 2 does not overflow.
  constexpr int64_t kFactors = 1000;
  static_assert(kSumChunk <= kFactors * kRowLanes);
  int64_t products = 1;
  while (products * kFactors < cols) products *= 2;
  for (int64_t half = kRowLanes / 2; half > 0; half /= 2) {
    for (int64_t j = 0; j < half; ++j) {
      linear[j] += linear[j + half];
      if (half >= products) excess[j] = joined(excess[j], excess[j + half]);
    }
  }
  double logarithms = 0;
  for (int64_t j = 0; j < products; ++j) logarithms += std::log1p(excess[j]);
  return linear[0] + logarithms;
}

}  // namespace

void bce_logits(const float* logits, const float* target, int64_t n, float scale, float* loss,
                float* d_logits, Stream) {
  const double total = chunked_sum<double>(n, kSumChunk, kGrain, [=](int64_t begin, int64_t end) {
    LossLanes lanes;
    if (d_logits == nullptr) {
      value_range(logits, target, begin, end, lanes);
    } else {
      value_and_gradient_range(logits, target, d_logits, begin, end, scale, lanes);
    }
    return sum_of(lanes);
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
        total += row_chunk(x + i, t + i, std::min(kSumChunk, cols - i));
      }
      row_loss[row] = static_cast<float>(total);
    }
  });
}

}  // namespace burin::cpu
