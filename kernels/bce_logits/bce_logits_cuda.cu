#include "kernels/bce_logits/bce_logits.h"
#include "kernels/common/cuda_reduce.cuh"
#include "kernels/common/cuda_vector.cuh"

namespace burin::cuda {
namespace {

__device__ float exp_minus_abs(float x) {
  return math::exp(x < 0.0f ? x : -x);
}

__global__ void bce_logits_kernel(const float* logits /* [n] */, const float* target /* [n] */,
                                  int64_t n, bool vectors, float scale, float* loss /* [1] */,
                                  float* d_logits /* [n] or null */, Workspace workspace) {
  double mine = 0.0;
  for_each_quad(n, vectors, grid_thread(), grid_threads(), [&](int64_t i, auto width) {
    auto x = load(logits + i, width);
    const auto t = load(target + i, width);
#pragma unroll
    for (int k = 0; k < width.kValue; ++k) {
      const float e = exp_minus_abs(x.v[k]);
      mine += static_cast<double>(bce_logits_value(x.v[k], t.v[k], e));
      x.v[k] = scale * bce_logits_derivative(x.v[k], t.v[k], e);
    }
    if (d_logits != nullptr) store(d_logits + i, x);
  });
  double total = 0.0;
  if (grid_sum(mine, workspace, &total)) {
    *loss = static_cast<float>(static_cast<double>(scale) * total);
  }
}

// A block a row: its sum depends on nothing but the row.
__global__ void bce_logits_rows_kernel(const float* logits /* [rows, cols] */,
                                       const float* target /* [rows / repeats, cols] */,
                                       int64_t rows, int64_t cols, int64_t repeats, bool vectors,
                                       float* row_loss /* [rows] */) {
  for (int64_t row = blockIdx.x; row < rows; row += gridDim.x) {
    const float* x = logits + row * cols;
    const float* t = target + row / repeats * cols;
    double mine = 0.0;
    for_each_quad(cols, vectors, threadIdx.x, kThreads, [&](int64_t j, auto width) {
      const auto value = [](float logit, float label) {
        return bce_logits_value(logit, label, exp_minus_abs(logit));
      };
      for (const float v : map(width, value, load(x + j, width), load(t + j, width)).v) {
        mine += static_cast<double>(v);
      }
    });
    const double total = block_sum(mine);
    if (threadIdx.x == 0) row_loss[row] = static_cast<float>(total);
    __syncthreads();  // before the next row's block_sum
  }
}

__global__ void bce_logits_rows_backward_kernel(const float* logits /* [rows, cols] */,
                                                const float* target /* [rows / repeats, cols] */,
                                                const float* weights /* [rows] */, int64_t rows,
                                                int64_t cols, int64_t repeats, bool vectors,
                                                float* d_logits /* [rows, cols] */) {
  for (int64_t row = blockIdx.x; row < rows; row += gridDim.x) {
    const float weight = weights[row];
    const float* x = logits + row * cols;
    const float* t = target + row / repeats * cols;
    for_each_quad(cols, vectors, threadIdx.x, kThreads, [&](int64_t j, auto width) {
      const auto slope = [=](float logit, float label) {
        return weight * bce_logits_derivative(logit, label, exp_minus_abs(logit));
      };
      store(d_logits + row * cols + j, map(width, slope, load(x + j, width), load(t + j, width)));
    });
  }
}

}  // namespace

void bce_logits(const float* logits, const float* target, int64_t n, float scale, float* loss,
                float* d_logits, Stream stream) {
  const bool vectors = aligned(logits) && aligned(target) && aligned(d_logits);
  bce_logits_kernel<<<sum_blocks_for(n), kThreads, 0, stream_of(stream)>>>(
      logits, target, n, vectors, scale, loss, d_logits, workspace_of(stream));
  check_launch("bce_logits_kernel");
}

void bce_logits_rows(const float* logits, const float* target, int64_t rows, int64_t cols,
                     int64_t repeats, float* row_loss, Stream stream) {
  if (rows == 0) return;
  const bool vectors = aligned(logits) && aligned(target) && cols % 4 == 0;
  const unsigned blocks = blocks_for(rows * kThreads);
  bce_logits_rows_kernel<<<blocks, kThreads, 0, stream_of(stream)>>>(logits, target, rows, cols,
                                                                     repeats, vectors, row_loss);
  check_launch("bce_logits_rows_kernel");
}

void bce_logits_rows_backward(const float* logits, const float* target, const float* weights,
                              int64_t rows, int64_t cols, int64_t repeats, float* d_logits,
                              Stream stream) {
  if (rows == 0) return;
  const bool vectors = aligned(logits) && aligned(target) && aligned(d_logits) && cols % 4 == 0;
  const unsigned blocks = blocks_for(rows * kThreads);
  bce_logits_rows_backward_kernel<<<blocks, kThreads, 0, stream_of(stream)>>>(
      logits, target, weights, rows, cols, repeats, vectors, d_logits);
  check_launch("bce_logits_rows_backward_kernel");
}

}  // namespace burin::cuda
