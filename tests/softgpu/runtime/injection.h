// The faults that SOFTGPU_FAIL asks for (docs/softgpu.md#faults).
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <string>

#include "runtime/entry.h"

namespace burin::softgpu {

// Reads the setting; a wrong one ends the process with exit code 2. Whether there is one.
bool read_injections();
// What the call-th call of f, the of_all-th of all, must return; cudaSuccess: it is left alone.
cudaError_t injected_error(const ApiFunction& f, uint64_t call, uint64_t of_all);
// With what this execution of a kernel faults; cudaSuccess: it is left alone. Counts it.
cudaError_t injected_kernel_fault(const std::string& kernel);
// At the end of the process: names the faults that did not happen.
void report_missed_injections();

}  // namespace burin::softgpu
