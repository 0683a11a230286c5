#include "kernels/common/cuda_reduce.cuh"
#include "kernels/common/cuda_vector.cuh"
#include "kernels/gaussian_kl/gaussian_kl.h"

namespace burin::cuda {
namespace {

__global__ void gaussian_kl_kernel(const float* mean /* [n] */, const float* logvar /* [n] */,
                                   int64_t n, bool vectors, float scale, float* loss /* [1] */,
                                   float* d_mean /* [n] or null */,
                                   float* d_logvar /* [n] or null */, Workspace workspace) {
  const float half_scale = 0.5f * scale;
  double mine = 0.0;
  for_each_quad(n, vectors, grid_thread(), grid_threads(), [&](int64_t i, auto width) {
    auto m = load(mean + i, width);
    auto v = load(logvar + i, width);
#pragma unroll
    for (int k = 0; k < width.kValue; ++k) {
      const ExpRemainders remainders = exp_remainders(v.v[k]);
      mine += static_cast<double>(twice_gaussian_kl(m.v[k], remainders));
      m.v[k] = scale * m.v[k];
      v.v[k] = half_scale * remainders.first;
    }
    if (d_mean != nullptr) {
      store(d_mean + i, m);
      store(d_logvar + i, v);
    }
  });
  double total = 0.0;
  if (grid_sum(mine, workspace, &total)) {
    *loss = static_cast<float>(0.5 * static_cast<double>(scale) * total);
  }
}

}  // namespace

void gaussian_kl(const float* mean, const float* logvar, int64_t n, float scale, float* loss,
                 float* d_mean, float* d_logvar, Stream stream) {
  const bool vectors = aligned(mean) && aligned(logvar) && aligned(d_mean) && aligned(d_logvar);
  gaussian_kl_kernel<<<sum_blocks_for(n), kThreads, 0, stream_of(stream)>>>(
      mean, logvar, n, vectors, scale, loss, d_mean, d_logvar, workspace_of(stream));
  check_launch("gaussian_kl_kernel");
}

}  // namespace burin::cuda
