// Arithmetic in the rounding modes of PTX. `mode` is the field of MXCSR: 0 nearest even, 1 down, 2
// up, 3 towards zero.
#pragma once

#include "device/abi.h"

namespace burin::softgpu {

void fill_rounding(Api& api);

}  // namespace burin::softgpu
