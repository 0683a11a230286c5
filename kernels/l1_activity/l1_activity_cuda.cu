#include "kernels/common/cuda_reduce.cuh"
#include "kernels/common/cuda_vector.cuh"
#include "kernels/l1_activity/l1_activity.h"

namespace burin::cuda {
namespace {

__global__ void l1_activity_forward_kernel(const float* x /* [n] */, int64_t n, bool vectors,
                                           float scale, float* loss /* [1] */,
                                           Workspace workspace) {
  double mine = 0.0;
  for_each_quad(n, vectors, grid_thread(), grid_threads(), [&](int64_t i, auto width) {
    for (const float v : load(x + i, width).v) mine += static_cast<double>(fabsf(v));
  });
  double total = 0.0;
  if (grid_sum(mine, workspace, &total)) {
    *loss = static_cast<float>(static_cast<double>(scale) * total);
  }
}

__global__ void l1_activity_backward_kernel(const float* x /* [n] */, float* d_x /* [n] */,
                                            Span span, float scale, bool accumulate) {
  for_each_group(span, [=](int64_t i, auto width) {
    const auto derivative = [=](float v) { return scale * sign(v); };
    store_or_add(d_x + i, map(width, derivative, load(x + i, width)), accumulate);
  });
}

}  // namespace

void l1_activity_forward(const float* x, int64_t n, float scale, float* loss, Stream stream) {
  l1_activity_forward_kernel<<<sum_blocks_for(n), kThreads, 0, stream_of(stream)>>>(
      x, n, aligned(x), scale, loss, workspace_of(stream));
  check_launch("l1_activity_forward_kernel");
}

void l1_activity_backward(const float* x, float* d_x, int64_t n, float scale, bool accumulate,
                          Stream stream) {
  if (n == 0) return;
  const Span span = span_of(n, x, d_x);
  l1_activity_backward_kernel<<<blocks_for(span), kThreads, 0, stream_of(stream)>>>(
      x, d_x, span, scale, accumulate);
  check_launch("l1_activity_backward_kernel");
}

}  // namespace burin::cuda
