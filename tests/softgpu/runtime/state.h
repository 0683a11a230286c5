// What the parts of the runtime API share: the last error, the device lock, lookup of kernels.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "core/kernel.h"

namespace burin::softgpu {

// Held by every call that touches the device.
std::recursive_mutex& device_mutex();
using DeviceLock = std::lock_guard<std::recursive_mutex>;

// Remembers an error for cudaGetLastError and passes it on.
cudaError_t remember(cudaError_t e);
// A kernel faulted: the device is lost for this process. As on a real device it shows at the next
// call that waits for the kernel, and at every call after that.
void set_fault(cudaError_t e);
// At a call that waits: the fault, if there is one.
cudaError_t settle();
// At any other call: a fault that has shown already.
cudaError_t sticky();
// A kernel faulted, whether it has shown or not.
bool has_fault();
// The error is one after which the device is lost.
bool is_sticky(cudaError_t e);
// The error of this name or number; cudaSuccess if there is none.
cudaError_t error_of(const std::string& text);

// Kernel of a host stub's address or a cudaKernel_t; null if unknown.
Kernel* find_kernel(const void* function);
// The error of a call that asked for one and got null.
cudaError_t why_no_kernel(const void* function);
cudaError_t why_no_variable(const void* host_variable);
// Address in device memory of a __device__ or __constant__ variable; 0 if unknown.
uint64_t find_variable(const void* host_variable, size_t* bytes);
// Checks a launch as the real runtime does; loads the kernel.
cudaError_t check_launch(Kernel& kernel, dim3 grid, dim3 block, size_t shared);
// The registered modules' kernels, for the counters.
void write_counters();
// Of calls of the libraries that stand in for NVIDIA's (library.h), by name.
const std::map<std::string, KernelCounters>& library_counters();
void reset_library_counters();

}  // namespace burin::softgpu
