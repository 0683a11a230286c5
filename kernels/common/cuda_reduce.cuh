// Sums over a grid in one launch, in an order that depends on the sizes alone:
//   a thread's own elements, in their order -> a block (CUB, a fixed tree) -> its partial in the
//   workspace -> the block that finishes last adds the partials by their number, not by time.
// The only atomic is the integer count of finished blocks. Only .cu files include it.
#pragma once

#include <cub/block/block_reduce.cuh>

#include "kernels/common/cuda_launch.cuh"
#include "kernels/common/cuda_workspace.h"

namespace burin::cuda {

// A reduction's grid: a quad a thread until the limit is reached.
inline constexpr int64_t kMaxSumBlocks = 1024;
static_assert(kMaxSumBlocks * sizeof(double) <= kWorkspaceBytes);
inline unsigned sum_blocks_for(int64_t n) {
  return blocks_for((n + 3) / 4, kMaxSumBlocks);
}

// Over the block of kThreads, in a fixed order; in thread 0 only. Calls must be a __syncthreads()
// apart: they share their memory.
template <class T, class Plus>
__device__ T block_reduce(const T& value, const Plus& plus) {
  using Reduce = cub::BlockReduce<T, kThreads, cub::BLOCK_REDUCE_WARP_REDUCTIONS>;
  __shared__ typename Reduce::TempStorage storage;
  return Reduce(storage).Reduce(value, plus);
}
template <class T>
__device__ T block_sum(T value) {
  return block_reduce(value, [](T a, T b) { return a + b; });
}

// Sum over the warp; in lane 0 only. Shuffles only: it orders no memory accesses.
template <class T>
__device__ T warp_sum(T value) {
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) {
    value += __shfl_down_sync(0xffffffffu, value, distance);
  }
  return value;
}

// True in every thread of the block that comes last of the grid; it then sees what thread 0 of each
// block wrote before the call. Resets the count for the next kernel.
__device__ inline bool last_block(const Workspace& workspace) {
  __shared__ bool last;
  if (threadIdx.x == 0) {
    __threadfence();
    last = atomicInc(workspace.finished, gridDim.x - 1) == gridDim.x - 1;
    __threadfence();
  }
  __syncthreads();
  return last;
}

// Sum over the grid's threads, blocks of kThreads and at most kMaxSumBlocks. Every thread calls it,
// once a kernel. Returns true in the one thread that then has the sum in *total.
template <class T>
__device__ bool grid_sum(T value, const Workspace& workspace, T* total) {
  T* partials = static_cast<T*>(workspace.partials);  // [gridDim.x]
  const T block = block_sum(value);
  if (gridDim.x == 1) {
    *total = block;
    return threadIdx.x == 0;
  }
  if (threadIdx.x == 0) partials[blockIdx.x] = block;
  if (!last_block(workspace)) return false;
  T mine = 0;
  // Past the first cache, which may hold another kernel's values.
  for (unsigned b = threadIdx.x; b < gridDim.x; b += kThreads) mine += __ldcg(partials + b);
  *total = block_sum(mine);
  return threadIdx.x == 0;
}

}  // namespace burin::cuda
