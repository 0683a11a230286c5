#include "kernels/common/cuda_launch.cuh"
#include "kernels/common/cuda_random.cuh"
#include "kernels/resample/resample.h"

namespace burin::cuda {
namespace {

// A warp takes a group: all its lanes walk the weights alike, and copy a row together.
__global__ __launch_bounds__(kThreads) void resample_kernel(
    const float* x /* [groups, rows, cols] */, const float* weights /* [groups, rows] */,
    int64_t groups, int64_t rows, int64_t cols, int64_t draws, RandomKey key,
    float* drawn /* [groups, draws, cols] */, float* drawn_weights /* [groups, draws] */) {
  const uint64_t step = block_step(key);
  const int lane = static_cast<int>(threadIdx.x) % 32;
  for (int64_t i = grid_thread() / 32; i < groups; i += grid_threads() / 32) {
    for_draws(weights + i * rows, rows, draws, uniform_at(key, step, i), [=](int64_t j, int64_t s) {
      const int64_t from = i * rows + s, to = i * draws + j;
      for (int64_t d = lane; d < cols; d += 32) drawn[to * cols + d] = x[from * cols + d];
      if (lane == 0) drawn_weights[to] = weights[from];
    });
  }
}

}  // namespace

void resample(const float* x, const float* weights, int64_t groups, int64_t rows, int64_t cols,
              int64_t draws, RandomKey key, float* drawn, float* drawn_weights, Stream stream) {
  if (groups * draws == 0) return;
  resample_kernel<<<blocks_for(groups * 32), kThreads, 0, stream_of(stream)>>>(
      x, weights, groups, rows, cols, draws, key, drawn, drawn_weights);
  check_launch("resample_kernel");
}

}  // namespace burin::cuda
