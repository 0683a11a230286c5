#include "kernels/add/add.h"
#include "kernels/common/parallel.h"
#include "kernels/common/simd.h"

namespace burin::cpu {
namespace {

BURIN_SIMD_CLONES
void add_range(const float* a, const float* b, float* y, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) y[i] = a[i] + b[i];
}

}  // namespace

void add(const float* a, const float* b, float* y, int64_t n, Stream) {
  parallel_for(n, kElementwiseGrain,
               [=](int64_t begin, int64_t end) { add_range(a, b, y, begin, end); });
}

}  // namespace burin::cpu
