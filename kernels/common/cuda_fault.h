// What a failed CUDA call or kernel raises; needs no CUDA header.
#pragma once

#include <stdexcept>

namespace burin::cuda {

// what() is one line: what failed, CUDA's name of the error and its words.
class CudaFault : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace burin::cuda
