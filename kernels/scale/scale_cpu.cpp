#include "kernels/common/parallel.h"
#include "kernels/common/simd.h"
#include "kernels/scale/scale.h"

namespace burin::cpu {
namespace {

BURIN_SIMD_CLONES
void scale_range(const float* x, float alpha, float* y, int64_t begin, int64_t end,
                 bool accumulate) {
  if (accumulate) {
    for (int64_t i = begin; i < end; ++i) y[i] += alpha * x[i];
  } else {
    for (int64_t i = begin; i < end; ++i) y[i] = alpha * x[i];
  }
}

}  // namespace

void scale(const float* x, float alpha, float* y, int64_t n, bool accumulate, Stream) {
  parallel_for(n, kElementwiseGrain, [=](int64_t begin, int64_t end) {
    scale_range(x, alpha, y, begin, end, accumulate);
  });
}

}  // namespace burin::cpu
