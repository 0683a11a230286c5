// C++ text to a loaded kernel, through the system's compiler and a cache of what it made.
#pragma once

#include <string>

#include "device/abi.h"

namespace burin::softgpu {

// Throws std::runtime_error if the compiler fails or the cache cannot be written.
const KernelImage* compile_kernel(const std::string& text, const std::string& name);

}  // namespace burin::softgpu
