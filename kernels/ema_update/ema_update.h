// Exponential moving average of parameters (Polyak & Juditsky 1992; for GANs: Yazici et al. 2019).
// docs/maths.md#ema_update
#pragma once

#include <cstdint>

#include "kernels/common/host_device.h"
#include "kernels/common/stream.h"

namespace burin {

BURIN_HOST_DEVICE float ema(float average, float value, float decay) {
  return average + (1.0f - decay) * (value - average);
}

namespace cpu {

// average[n] moves towards value[n] by the fraction 1 - *decay, 0 <= *decay <= 1. Updates average.
// The decay is read by pointer, on a GPU from device memory: a captured graph can then be replayed
// with new values.
void ema_update(const float* value, float* average, int64_t n, const float* decay, Stream stream);

// out[n] = average[n] where value[n] != 0, else 0: an average of sparse weights is not sparse, so
// the mask of the weights is put on it. Overwrites out; out may be average.
void masked_average(const float* value, const float* average, float* out, int64_t n, Stream stream);

}  // namespace cpu

namespace cuda {
decltype(cpu::ema_update) ema_update;
decltype(cpu::masked_average) masked_average;
}  // namespace cuda

}  // namespace burin
