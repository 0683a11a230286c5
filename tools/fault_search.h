// Which kernel it was.
#pragma once

#include <cstdint>
#include <string>

#include "models/config.h"

namespace burin::tools {

// A fault on the GPU is seen long after the kernel was queued, and the process cannot go on. So
// another process repeats the run in directory `out` from its last checkpoint up to `step`, in a
// directory of its own, and waits for every kernel (CUDA_LAUNCH_BLOCKING=1). Runs have the same
// bits every time: the fault comes again. Returns what that process says of it, "step 31:
// ..._kernel:
// ...", or an empty text if it did not fail, or not on the GPU.
std::string find_faulting_kernel(ModelKind model, const std::string& out, int64_t step);

}  // namespace burin::tools
