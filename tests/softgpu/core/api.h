// The functions that translated kernels call.
#pragma once

#include "device/abi.h"

namespace burin::softgpu {

const Api* kernel_api();

}  // namespace burin::softgpu
