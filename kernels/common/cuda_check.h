// Checks of CUDA calls and launches. Only .cu files and the CUDA backend include it.
#pragma once

#include <cuda_runtime.h>

#include <stdexcept>
#include <string>

namespace burin::cuda {

// Throws std::runtime_error naming `what` if `status` is an error.
inline void check(cudaError_t status, const char* what) {
  if (status != cudaSuccess) {
    throw std::runtime_error(std::string(what) + ": " + cudaGetErrorName(status) + ": " +
                             cudaGetErrorString(status));
  }
}

// Call right after each <<<>>>: a bad configuration is reported under the kernel's name.
inline void check_launch(const char* kernel) {
  check(cudaGetLastError(), kernel);
}

}  // namespace burin::cuda
