// What a failed CUDA call or kernel raises, and the switch that names the kernel; needs no CUDA
// header.
#pragma once

#include <cstdlib>
#include <cstring>
#include <stdexcept>

namespace burin::cuda {

// what() is one line: what failed, CUDA's name of the error and its words.
class CudaFault : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// True with CUDA_LAUNCH_BLOCKING=1 in the environment, CUDA's own switch, read once: every launch
// waits for its kernel, which is slow, but a fault names the kernel. Steps are then not captured.
inline bool launches_block() {
  static const bool block = [] {
    const char* text = std::getenv("CUDA_LAUNCH_BLOCKING");
    return text != nullptr && std::strcmp(text, "1") == 0;
  }();
  return block;
}

}  // namespace burin::cuda
