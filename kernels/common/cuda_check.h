// Checks of CUDA calls and launches. Only .cu files and the CUDA backend include it.
#pragma once

#include <cuda_runtime.h>

#include <string>

#include "kernels/common/cuda_fault.h"

namespace burin::cuda {

// Throws CudaFault naming `what` if `status` is an error.
inline void check(cudaError_t status, const char* what) {
  if (status != cudaSuccess) {
    throw CudaFault(std::string(what) + ": " + cudaGetErrorName(status) + ": " +
                    cudaGetErrorString(status));
  }
}

// Call right after each <<<>>>: a bad configuration is reported under the kernel's name; where
// launches block, so is a fault while it ran.
inline void check_launch(const char* kernel) {
  check(cudaGetLastError(), kernel);
  if (launches_block()) check(cudaDeviceSynchronize(), kernel);
}

}  // namespace burin::cuda
