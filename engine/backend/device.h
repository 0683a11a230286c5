// Where memory lies and kernels run.
#pragma once

namespace burin {

enum class Device { cpu, cuda };

// True in a build that has the CUDA twins.
inline constexpr bool kCudaEnabled = BURIN_CUDA_ENABLED != 0;

// True once every room has its CUDA twin, so that whole models can train on the GPU.
inline constexpr bool kCudaTrains = false;

const char* device_name(Device device);

}  // namespace burin
