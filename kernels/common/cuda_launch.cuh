// What every launcher needs: block size, grid size, the stream. Only .cu files include it.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/common/cuda_check.h"
#include "kernels/common/stream.h"

namespace burin::cuda {

inline constexpr int kThreads = 256;  // a block

// Enough blocks for one thread an item, but no more than fill a large card several times over: the
// kernels stride by the grid. The same on every card. At least 1.
inline unsigned blocks_for(int64_t items, int64_t limit = 2048) {
  const int64_t blocks = (items + kThreads - 1) / kThreads;
  return static_cast<unsigned>(blocks < 1 ? 1 : (blocks < limit ? blocks : limit));
}

inline cudaStream_t stream_of(Stream stream) {
  return static_cast<cudaStream_t>(stream.handle);
}

// This thread's place among all of the grid, and their number.
__device__ inline int64_t grid_thread() {
  return int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
}
__device__ inline int64_t grid_threads() {
  return int64_t{gridDim.x} * blockDim.x;
}

}  // namespace burin::cuda
