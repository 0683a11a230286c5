// The one place where the engine chooses between the twins of a room.
#pragma once

#include "engine/backend/device.h"

// BURIN_DISPATCH(device, leaky_relu_forward, x, y, n, slope, stream) calls cpu:: or cuda::. A build
// without CUDA discards the second branch before linking, so no stub is needed.
#define BURIN_DISPATCH(device, function, ...)  \
  do {                                         \
    if constexpr (::burin::kCudaTrains) {      \
      if ((device) == ::burin::Device::cuda) { \
        ::burin::cuda::function(__VA_ARGS__);  \
        break;                                 \
      }                                        \
    }                                          \
    ::burin::cpu::function(__VA_ARGS__);       \
  } while (false)
