// A warp takes 32 rows of X and 32 outputs: each of its threads one row of X, along the weights of
// one output after the other, which all threads read at the same time. X is turned over in shared
// memory, a range of columns at a time, so that a step of a warp reads 32 neighbours.
#include <cmath>

#include "kernels/common/cuda_launch.cuh"
#include "kernels/sparse_gemm/sparse_gemm.h"

namespace burin::cuda {
namespace {

constexpr int kLanes = 32;     // rows of X of a block
constexpr int kOutputs = 32;   // rows of W of a block
constexpr int kWarps = 8;      // each takes every eighth of the outputs
constexpr int kColumns = 128;  // of X in shared memory at a time
constexpr int kSumsOfWarp = kOutputs / kWarps;

__global__ __launch_bounds__(kLanes* kWarps) void sparse_gemm_kernel(
    const SparseMatrix w, const float* x /* [m, cols] */, int64_t ldx, int64_t m,
    float* y /* [m, rows] */, int64_t ldy, const float* bias /* [rows] */, Activation activation,
    float slope) {
  // One column more: neither turning over nor walking then meets a bank twice.
  __shared__ float panel[kColumns][kLanes + 1];
  __shared__ float sums[kLanes][kOutputs + 1];
  const int lane = static_cast<int>(threadIdx.x) % kLanes;
  const int warp = static_cast<int>(threadIdx.x) / kLanes;
  const int64_t row = int64_t{blockIdx.y} * kLanes;
  const int64_t output = int64_t{blockIdx.x} * kOutputs;

  float sum[kSumsOfWarp] = {};
  int32_t next[kSumsOfWarp], end[kSumsOfWarp];  // of each output, the weights that are left
#pragma unroll
  for (int i = 0; i < kSumsOfWarp; ++i) {
    const int64_t o = output + warp + i * kWarps;
    next[i] = o < w.rows ? w.starts[o] : 0;
    end[i] = o < w.rows ? w.starts[o + 1] : 0;
  }
  for (int64_t first = 0; first < w.cols; first += kColumns) {
    const int columns = static_cast<int>(w.cols - first < kColumns ? w.cols - first : kColumns);
    __syncthreads();
    for (int r = warp; r < kLanes; r += kWarps) {
      for (int c = lane; c < columns; c += kLanes) {
        panel[c][r] = row + r < m ? x[(row + r) * ldx + first + c] : 0.0f;
      }
    }
    __syncthreads();
#pragma unroll
    for (int i = 0; i < kSumsOfWarp; ++i) {
      while (next[i] < end[i]) {
        const int column = static_cast<int>(w.columns[next[i]] - first);
        if (column >= columns) break;
        sum[i] = std::fma(w.values[next[i]], panel[column][lane], sum[i]);
        ++next[i];
      }
    }
  }
#pragma unroll
  for (int i = 0; i < kSumsOfWarp; ++i) sums[lane][warp + i * kWarps] = sum[i];
  __syncthreads();
  const int64_t o = output + lane;
  if (o >= w.rows) return;
  // s + -0 is s, for both zeros.
  const float of_output = bias != nullptr ? bias[o] : -0.0f;
  for (int r = warp; r < kLanes && row + r < m; r += kWarps) {
    y[(row + r) * ldy + o] = apply_activation(activation, sums[r][lane] + of_output, slope);
  }
}

}  // namespace

void sparse_gemm(const SparseMatrix& w, const float* x, int64_t ldx, int64_t m, float* y,
                 int64_t ldy, const float* bias, Activation activation, float slope,
                 Stream stream) {
  if (m == 0 || w.rows == 0) return;
  const dim3 grid(static_cast<unsigned>((w.rows + kOutputs - 1) / kOutputs),
                  static_cast<unsigned>((m + kLanes - 1) / kLanes));
  sparse_gemm_kernel<<<grid, kLanes * kWarps, 0, stream_of(stream)>>>(w, x, ldx, m, y, ldy, bias,
                                                                      activation, slope);
  check_launch("sparse_gemm_kernel");
}

}  // namespace burin::cuda
