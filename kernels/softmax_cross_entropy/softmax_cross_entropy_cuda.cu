#include "kernels/common/cuda_reduce.cuh"
#include "kernels/common/math.h"
#include "kernels/softmax_cross_entropy/softmax_cross_entropy.h"

namespace burin::cuda {
namespace {

// Rows pass through shared memory in tiles, so that each element is read once and written once by
// neighbouring threads, however short a row is. A group of lanes takes a row. Rows longer than a
// tile stay in global memory and are read three times.
constexpr int kTileFloats = 4096;
constexpr unsigned kAllLanes = 0xffffffffu;

struct Plan {
  int64_t rows, classes;
  int lanes;      // of a group: a power of two, the least that holds the classes, up to 32
  int tile_rows;  // 0: a group a row, in global memory
  unsigned blocks;
};

Plan plan_of(int64_t rows, int64_t classes) {
  Plan plan{rows, classes, 1, 0, 1};
  while (plan.lanes < 32 && plan.lanes < classes) plan.lanes *= 2;
  const int64_t groups = kThreads / plan.lanes, fit = kTileFloats / classes;
  plan.tile_rows = static_cast<int>(groups < fit ? groups : fit);
  // A block has enough to do that its partial sum is little beside it.
  constexpr int64_t kLeastElements = 2048;
  const int64_t wanted = (rows * classes + kLeastElements - 1) / kLeastElements;
  const int64_t tiles =
      plan.tile_rows > 0 ? (rows + plan.tile_rows - 1) / plan.tile_rows : (rows + 7) / 8;
  const int64_t blocks = wanted < tiles ? wanted : tiles;
  plan.blocks =
      static_cast<unsigned>(blocks < 1 ? 1 : (blocks < kMaxSumBlocks ? blocks : kMaxSumBlocks));
  return plan;
}

// Of a row: the maximum and the sum of the exponentials, in every lane of its group. All lanes of
// the warp call it; lanes of groups without a row have classes = 0.
struct RowSums {
  float max;
  double total;
};
__device__ RowSums row_sums(const float* x /* [classes] */, int64_t classes, int lane, int lanes) {
  float max = classes > 0 ? x[0] : 0.0f;
  for (int64_t j = lane; j < classes; j += lanes) max = x[j] > max ? x[j] : max;
  for (int distance = lanes / 2; distance > 0; distance /= 2) {
    const float other = __shfl_xor_sync(kAllLanes, max, distance);
    max = other > max ? other : max;
  }
  double total = 0.0;
  for (int64_t j = lane; j < classes; j += lanes) {
    total += static_cast<double>(math::exp(x[j] - max));
  }
  // Both of a pair add the same two numbers: the same bits in every lane.
  for (int distance = lanes / 2; distance > 0; distance /= 2) {
    total += __shfl_xor_sync(kAllLanes, total, distance);
  }
  return {max, total};
}

// row_result(x, y, label, sums, lane) for each row, where x is the row and y the place for its
// results: the same place in a tile, which then goes to out[rows, classes] if it is not null. A
// lane reads and writes elements lane, lane + lanes, ... alone.
template <class RowResult>
__device__ void for_each_row(const Plan& plan, const float* in /* [rows, classes] */,
                             const int32_t* labels /* [rows] or null */,
                             float* out /* [rows, classes] or null, may be in */,
                             const RowResult& row_result) {
  __shared__ float tile[kTileFloats];
  __shared__ int32_t tile_labels[kThreads];
  const int thread = static_cast<int>(threadIdx.x);
  const int group = thread / plan.lanes, lane = thread % plan.lanes;
  const bool in_tiles = plan.tile_rows > 0;
  const int64_t step = in_tiles ? plan.tile_rows : kThreads / plan.lanes;
  for (int64_t first = blockIdx.x * step; first < plan.rows; first += gridDim.x * step) {
    const int64_t here = first + step < plan.rows ? step : plan.rows - first;
    const int64_t elements = here * plan.classes, begin = first * plan.classes;
    if (in_tiles) {
      __syncthreads();  // the tile before has gone
      for (int64_t i = thread; i < elements; i += kThreads) tile[i] = in[begin + i];
      if (labels != nullptr && thread < here) tile_labels[thread] = labels[first + thread];
      __syncthreads();
    }
    const bool has_row = group < here;
    const int64_t offset = int64_t{group} * plan.classes;
    const float* x = in_tiles ? tile + offset : in + begin + offset;
    float* y = in_tiles ? tile + offset : (out == nullptr ? nullptr : out + begin + offset);
    const RowSums sums = row_sums(x, has_row ? plan.classes : 0, lane, plan.lanes);
    __syncwarp();  // y may be x, whose first element all lanes have read
    if (has_row) {
      int32_t label = 0;
      if (labels != nullptr) label = in_tiles ? tile_labels[group] : labels[first + group];
      row_result(x, y, label, sums, lane);
    }
    if (in_tiles && out != nullptr) {
      __syncthreads();
      for (int64_t i = thread; i < elements; i += kThreads) out[begin + i] = tile[i];
    }
  }
}

__global__ void softmax_cross_entropy_kernel(Plan plan, const float* logits /* [rows, classes] */,
                                             const int32_t* labels /* [rows] */, float scale,
                                             float* loss /* [1] */,
                                             float* d_logits /* [rows, classes] or null */,
                                             Workspace workspace) {
  double mine = 0.0;  // the loss of rows whose label's element is this lane's
  for_each_row(plan, logits, labels, d_logits,
               [&](const float* x, float* d_x, int32_t label, const RowSums& sums, int lane) {
                 if (lane == label % plan.lanes) {
                   const double below_max =
                       static_cast<double>(sums.max) - static_cast<double>(x[label]);
                   mine += below_max + log(sums.total);
                 }
                 if (d_logits == nullptr) return;
                 const float inverse = static_cast<float>(1.0 / sums.total);
                 for (int64_t j = lane; j < plan.classes; j += plan.lanes) {
                   const float p = math::exp(x[j] - sums.max) * inverse;
                   d_x[j] = (j == label ? p - 1.0f : p) * scale;
                 }
               });
  double total = 0.0;
  if (grid_sum(mine, workspace, &total)) {
    *loss = static_cast<float>(static_cast<double>(scale) * total);
  }
}

__global__ void softmax_kernel(Plan plan, const float* logits /* [rows, classes] */,
                               float* probabilities /* [rows, classes] */) {
  for_each_row(plan, logits, nullptr, probabilities,
               [&](const float* x, float* p, int32_t, const RowSums& sums, int lane) {
                 const float inverse = static_cast<float>(1.0 / sums.total);
                 for (int64_t j = lane; j < plan.classes; j += plan.lanes) {
                   p[j] = math::exp(x[j] - sums.max) * inverse;
                 }
               });
}

}  // namespace

void softmax_cross_entropy(const float* logits, const int32_t* labels, int64_t rows,
                           int64_t classes, float scale, float* loss, float* d_logits,
                           Stream stream) {
  const Plan plan = plan_of(rows, classes);
  softmax_cross_entropy_kernel<<<plan.blocks, kThreads, 0, stream_of(stream)>>>(
      plan, logits, labels, scale, loss, d_logits, workspace_of(stream));
  check_launch("softmax_cross_entropy_kernel");
}

void softmax(const float* logits, int64_t rows, int64_t classes, float* probabilities,
             Stream stream) {
  if (rows == 0) return;
  const Plan plan = plan_of(rows, classes);
  softmax_kernel<<<plan.blocks, kThreads, 0, stream_of(stream)>>>(plan, logits, probabilities);
  check_launch("softmax_kernel");
}

}  // namespace burin::cuda
