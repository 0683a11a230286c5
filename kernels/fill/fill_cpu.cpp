#include "kernels/common/parallel.h"
#include "kernels/common/simd.h"
#include "kernels/fill/fill.h"

namespace burin::cpu {
namespace {

BURIN_SIMD_CLONES
void fill_range(float* x, int64_t begin, int64_t end, float value) {
  for (int64_t i = begin; i < end; ++i) x[i] = value;
}

}  // namespace

void fill(float* x, int64_t n, float value, Stream) {
  parallel_for(n, kElementwiseGrain,
               [=](int64_t begin, int64_t end) { fill_range(x, begin, end, value); });
}

}  // namespace burin::cpu
