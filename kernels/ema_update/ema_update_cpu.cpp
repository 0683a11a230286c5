#include "kernels/common/parallel.h"
#include "kernels/common/simd.h"
#include "kernels/ema_update/ema_update.h"

namespace burin::cpu {
namespace {

BURIN_SIMD_CLONES
void update_range(const float* value, float* average, int64_t begin, int64_t end, float decay) {
  for (int64_t i = begin; i < end; ++i) average[i] = ema(average[i], value[i], decay);
}

BURIN_SIMD_CLONES
void mask_range(const float* value, const float* average, float* out, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) out[i] = value[i] != 0.0f ? average[i] : 0.0f;
}

}  // namespace

void ema_update(const float* value, float* average, int64_t n, const float* decay, Stream) {
  parallel_for(n, kElementwiseGrain, [=, d = *decay](int64_t begin, int64_t end) {
    update_range(value, average, begin, end, d);
  });
}

void masked_average(const float* value, const float* average, float* out, int64_t n, Stream) {
  parallel_for(n, kElementwiseGrain,
               [=](int64_t begin, int64_t end) { mask_range(value, average, out, begin, end); });
}

}  // namespace burin::cpu
