// Where memory lies and kernels run.
#pragma once

namespace burin {

enum class Device {
  cpu,
  cuda,
  // Nowhere: memory is counted and not taken, kernels are passed over, what is read back is zero.
  // What runs here tells beforehand what it will need elsewhere: engine/backend/memory.h.
  meta,
};

// True in a build that has the CUDA twins.
inline constexpr bool kCudaEnabled = BURIN_CUDA_ENABLED != 0;

const char* device_name(Device device);

}  // namespace burin
