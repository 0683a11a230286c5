// Random numbers in kernels. Only .cu files include it.
#pragma once

#include "kernels/common/philox.h"

namespace burin::cuda {

// The key's step, read from memory once a block and not once a warp. All threads of a block call
// it, once a kernel.
__device__ inline uint64_t block_step(const RandomKey& key) {
  __shared__ uint64_t step;
  if (threadIdx.x == 0) step = step_of(key);
  __syncthreads();
  return step;
}

}  // namespace burin::cuda
