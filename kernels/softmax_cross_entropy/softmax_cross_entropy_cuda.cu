#include "kernels/common/cuda_reduce.cuh"
#include "kernels/common/math.h"
#include "kernels/softmax_cross_entropy/softmax_cross_entropy.h"

namespace burin::cuda {
namespace {

constexpr unsigned kAllLanes = 0xffffffffu;  // a warp a row

// Lane l takes classes l, l + 32, ...; its exponentials are made anew where they are needed, so
// that no row is too long. The maximum and the sum of the exponentials are in every lane.
struct RowSums {
  float max;
  double total;
};
__device__ RowSums row_sums(const float* x /* [classes] */, int64_t classes, int lane) {
  float max = x[0];
  for (int64_t j = lane; j < classes; j += 32) max = x[j] > max ? x[j] : max;
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) {
    const float other = __shfl_xor_sync(kAllLanes, max, distance);
    max = other > max ? other : max;
  }
  double total = 0.0;
  for (int64_t j = lane; j < classes; j += 32) total += static_cast<double>(math::exp(x[j] - max));
  return {max, __shfl_sync(kAllLanes, warp_sum(total), 0)};
}

__global__ void softmax_cross_entropy_kernel(const float* logits /* [rows, classes] */,
                                             const int32_t* labels /* [rows] */, int64_t rows,
                                             int64_t classes, float scale, float* loss /* [1] */,
                                             float* d_logits /* [rows, classes] or null */,
                                             Workspace workspace) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  double mine = 0.0;  // of lane 0: the loss of the warp's rows
  for (int64_t row = grid_thread() / 32; row < rows; row += grid_threads() / 32) {
    const float* x = logits + row * classes;
    const int32_t label = labels[row];
    const RowSums sums = row_sums(x, classes, lane);
    if (lane == 0) {
      const double below_max = static_cast<double>(sums.max) - static_cast<double>(x[label]);
      mine += below_max + log(sums.total);
    }
    if (d_logits == nullptr) continue;
    __syncwarp();  // d_logits may be logits: all lanes have read the row
    const float inverse = static_cast<float>(1.0 / sums.total);
    float* d_x = d_logits + row * classes;
    for (int64_t j = lane; j < classes; j += 32) {
      const float p = math::exp(x[j] - sums.max) * inverse;
      d_x[j] = (j == label ? p - 1.0f : p) * scale;
    }
  }
  double total = 0.0;
  if (grid_sum(mine, workspace, &total)) {
    *loss = static_cast<float>(static_cast<double>(scale) * total);
  }
}

__global__ void softmax_kernel(const float* logits /* [rows, classes] */, int64_t rows,
                               int64_t classes, float* probabilities /* [rows, classes] */) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  for (int64_t row = grid_thread() / 32; row < rows; row += grid_threads() / 32) {
    const float* x = logits + row * classes;
    const RowSums sums = row_sums(x, classes, lane);
    __syncwarp();  // probabilities may be logits
    const float inverse = static_cast<float>(1.0 / sums.total);
    float* p = probabilities + row * classes;
    for (int64_t j = lane; j < classes; j += 32) p[j] = math::exp(x[j] - sums.max) * inverse;
  }
}

}  // namespace

void softmax_cross_entropy(const float* logits, const int32_t* labels, int64_t rows,
                           int64_t classes, float scale, float* loss, float* d_logits,
                           Stream stream) {
  const unsigned blocks = blocks_for(rows * 32, kMaxSumBlocks);
  softmax_cross_entropy_kernel<<<blocks, kThreads, 0, stream_of(stream)>>>(
      logits, labels, rows, classes, scale, loss, d_logits, workspace_of(stream));
  check_launch("softmax_cross_entropy_kernel");
}

void softmax(const float* logits, int64_t rows, int64_t classes, float* probabilities,
             Stream stream) {
  if (rows == 0) return;
  softmax_kernel<<<blocks_for(rows * 32), kThreads, 0, stream_of(stream)>>>(logits, rows, classes,
                                                                            probabilities);
  check_launch("softmax_kernel");
}

}  // namespace burin::cuda
