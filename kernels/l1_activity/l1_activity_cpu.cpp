#include <cmath>

#include "kernels/common/parallel.h"
#include "kernels/common/simd.h"
#include "kernels/l1_activity/l1_activity.h"
#include "kernels/reduce/chunked_sum.h"

namespace burin::cpu {
namespace {

BURIN_SIMD_CLONES
double abs_sum_range(const float* x, int64_t begin, int64_t end) {
  double lanes[kSumLanes] = {};
  for (int64_t i = begin; i < end; i += kSumLanes) {
    const int64_t width = std::min(kSumLanes, end - i);
    for (int64_t j = 0; j < width; ++j) lanes[j] += static_cast<double>(std::abs(x[i + j]));
  }
  return sum_lanes(lanes);
}

BURIN_SIMD_CLONES
void backward_range(const float* x, float* d_x, int64_t begin, int64_t end, float scale,
                    bool accumulate) {
  if (accumulate) {
    for (int64_t i = begin; i < end; ++i) d_x[i] += scale * sign(x[i]);
  } else {
    for (int64_t i = begin; i < end; ++i) d_x[i] = scale * sign(x[i]);
  }
}

}  // namespace

void l1_activity_forward(const float* x, int64_t n, float scale, float* loss, Stream) {
  const double total =
      chunked_sum<double>(n, kSumChunk, kElementwiseGrain,
                          [=](int64_t begin, int64_t end) { return abs_sum_range(x, begin, end); });
  *loss = static_cast<float>(static_cast<double>(scale) * total);
}

void l1_activity_backward(const float* x, float* d_x, int64_t n, float scale, bool accumulate,
                          Stream) {
  parallel_for(n, kElementwiseGrain, [=](int64_t begin, int64_t end) {
    backward_range(x, d_x, begin, end, scale, accumulate);
  });
}

}  // namespace burin::cpu
