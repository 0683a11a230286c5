#include "kernels/clip_norm/clip_norm.h"

#include "kernels/common/parallel.h"
#include "kernels/common/simd.h"

namespace burin::cpu {
namespace {

BURIN_SIMD_CLONES
void shorten(float* g, float factor, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) g[i] *= factor;
}

}  // namespace

void clip_norm(float* g, int64_t n, const float* squares, int count, float most, Stream) {
  const float factor = clip_factor(squares, count, most);
  if (factor == 1.0f) return;
  parallel_for(n, kElementwiseGrain,
               [=](int64_t begin, int64_t end) { shorten(g, factor, begin, end); });
}

}  // namespace burin::cpu
