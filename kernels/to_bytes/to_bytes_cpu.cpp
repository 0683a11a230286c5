#include "kernels/to_bytes/to_bytes.h"

#include "kernels/common/parallel.h"
#include "kernels/common/simd.h"

namespace burin::cpu {
namespace {

BURIN_SIMD_CLONES
void convert_range(const float* __restrict__ pixels, int64_t begin, int64_t end,
                   uint8_t* __restrict__ bytes) {
  for (int64_t i = begin; i < end; ++i) {
    const float positive = pixels[i] > 0.0f ? pixels[i] : 0.0f;  // NaN compares false
    const float clamped = positive < 1.0f ? positive : 1.0f;
    bytes[i] = static_cast<uint8_t>(static_cast<int32_t>(clamped * 255.0f + 0.5f));
  }
}

}  // namespace

void to_bytes(const float* pixels, int64_t n, uint8_t* bytes) {
  parallel_for(n, kElementwiseGrain,
               [=](int64_t begin, int64_t end) { convert_range(pixels, begin, end, bytes); });
}

}  // namespace burin::cpu
