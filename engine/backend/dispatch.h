// The one place where the engine chooses between the twins of a room.
#pragma once

#include "engine/backend/device.h"

// BURIN_DISPATCH(device, leaky_relu_forward, x, y, n, slope, stream) calls cpu:: or cuda::, or, on
// the meta device, nothing. A build without CUDA discards that branch before linking, so no stub is
// needed.
#define BURIN_DISPATCH(device, function, ...)     \
  do {                                            \
    if ((device) == ::burin::Device::cpu) {       \
      ::burin::cpu::function(__VA_ARGS__);        \
    } else if constexpr (::burin::kCudaEnabled) { \
      if ((device) == ::burin::Device::cuda) {    \
        ::burin::cuda::function(__VA_ARGS__);     \
      }                                           \
    }                                             \
  } while (false)
