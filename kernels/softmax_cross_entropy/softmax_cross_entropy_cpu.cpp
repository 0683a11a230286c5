#include "kernels/softmax_cross_entropy/softmax_cross_entropy.h"

#include <algorithm>
#include <cmath>

#include "kernels/common/math.h"
#include "kernels/common/parallel.h"
#include "kernels/common/simd.h"
#include "kernels/reduce/chunked_sum.h"

namespace burin::cpu {
namespace {

constexpr int64_t kGrain = 8192;  // logits that a thread takes at least: an exponential each
constexpr int64_t kTile = 64;

// A NaN anywhere in the row reaches the sum, if not the maximum.
float row_max(const float* x, int64_t classes) {
  float max = x[0];
  for (int64_t j = 1; j < classes; ++j) max = x[j] > max ? x[j] : max;
  return max;
}

// Returns sum of e^(x - max), added in double in the order of the classes. If `out` is given, keeps
// the exponentials there; it may be x.
BURIN_SIMD_CLONES
double row_exp_sum(const float* x, int64_t classes, float max, float* out) {
  float tile[kTile];
  double total = 0.0;
  for (int64_t begin = 0; begin < classes; begin += kTile) {
    const int64_t width = std::min(kTile, classes - begin);
    for (int64_t j = 0; j < width; ++j) tile[j] = math::exp(x[begin + j] - max);
    for (int64_t j = 0; j < width; ++j) total += static_cast<double>(tile[j]);
    if (out != nullptr) std::copy(tile, tile + width, out + begin);
  }
  return total;
}

BURIN_SIMD_CLONES
void scale_row(float* x, int64_t classes, float alpha) {
  for (int64_t j = 0; j < classes; ++j) x[j] *= alpha;
}

int64_t rows_of(int64_t elements, int64_t classes) {
  return std::max<int64_t>(1, elements / classes);
}

}  // namespace

void softmax_cross_entropy(const float* logits, const int32_t* labels, int64_t rows,
                           int64_t classes, float scale, float* loss, float* d_logits, Stream) {
  const auto rows_loss = [=](int64_t begin, int64_t end) {
    double chunk_loss = 0.0;
    for (int64_t row = begin; row < end; ++row) {
      const float* x = logits + row * classes;
      float* d_x = d_logits == nullptr ? nullptr : d_logits + row * classes;
      const int32_t label = labels[row];
      const float max = row_max(x, classes);
      const double below_max = static_cast<double>(max) - static_cast<double>(x[label]);
      const double total = row_exp_sum(x, classes, max, d_x);
      chunk_loss += below_max + std::log(total);
      if (d_x == nullptr) continue;
      scale_row(d_x, classes, static_cast<float>(1.0 / total));
      d_x[label] -= 1.0f;
      scale_row(d_x, classes, scale);
    }
    return chunk_loss;
  };
  const double total =
      chunked_sum<double>(rows, rows_of(kSumChunk, classes), rows_of(kGrain, classes), rows_loss);
  *loss = static_cast<float>(static_cast<double>(scale) * total);
}

void softmax(const float* logits, int64_t rows, int64_t classes, float* probabilities, Stream) {
  parallel_for(rows, rows_of(kGrain, classes), [=](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const float* x = logits + row * classes;
      float* p = probabilities + row * classes;
      const double total = row_exp_sum(x, classes, row_max(x, classes), p);
      scale_row(p, classes, static_cast<float>(1.0 / total));
    }
  });
}

}  // namespace burin::cpu
