// printf of kernels.
#pragma once

#include "device/abi.h"

namespace burin::softgpu {

// `arguments` is the packed block that nvcc makes: each argument aligned to its size.
s32 device_print(Thread* t, u64 format, u64 arguments, u32 line);
// The text that a device address points to.
const char* device_string(u64 address);

}  // namespace burin::softgpu
