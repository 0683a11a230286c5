#include "kernels/common/cuda_random.cuh"
#include "kernels/common/cuda_vector.cuh"
#include "kernels/gather/gather.h"
#include "kernels/gather/pixel_quads.cuh"

namespace burin::cuda {
namespace {

__global__ void batch_indices_kernel(int64_t count, int64_t batch, RandomKey key,
                                     int32_t* indices /* [batch] */) {
  const BatchOrder order = batch_order(key, block_step(key), count, batch);
  for (int64_t r = grid_thread(); r < batch; r += grid_threads()) {
    indices[r] = batch_index(order, r);
  }
}

struct IndexedRows {
  const int32_t* indices /* [rows] or null */;
  __device__ int32_t operator()(int64_t r) const {
    return indices == nullptr ? static_cast<int32_t>(r) : indices[r];
  }
};

__global__ void gather_scale_kernel(const uint8_t* images /* [count, cols] */, IndexedRows rows,
                                    int64_t n, int64_t cols, bool vectors, float scale, float shift,
                                    float* out /* [rows, cols], n elements */) {
  scale_pixels(images, rows, n, cols, vectors, gridDim.x, scale, shift, out);
}

__global__ void gather_binarize_kernel(const uint8_t* images /* [count, cols] */, IndexedRows rows,
                                       int64_t n, int64_t cols, bool vectors, RandomKey key,
                                       float* out /* [rows, cols], n elements */) {
  binarize_pixels(images, rows, n, cols, vectors, gridDim.x, key, block_step(key), out);
}

__global__ void gather_labels_kernel(const uint8_t* labels /* [count] */,
                                     const int32_t* indices /* [rows] or null */, int64_t rows,
                                     int32_t* out /* [rows] */) {
  for (int64_t r = grid_thread(); r < rows; r += grid_threads()) {
    out[r] = labels[indices == nullptr ? r : indices[r]];
  }
}

}  // namespace

void batch_indices(int64_t count, int64_t batch, RandomKey key, int32_t* indices, Stream stream) {
  batch_indices_kernel<<<blocks_for(batch), kThreads, 0, stream_of(stream)>>>(count, batch, key,
                                                                              indices);
  check_launch("batch_indices_kernel");
}

void gather_scale(const uint8_t* images, const int32_t* indices, int64_t rows, int64_t cols,
                  float scale, float shift, float* out, Stream stream) {
  const int64_t n = rows * cols;
  if (n == 0) return;
  gather_scale_kernel<<<blocks_for((n + 3) / 4), kThreads, 0, stream_of(stream)>>>(
      images, {indices}, n, cols, whole_quads(images, cols, out), scale, shift, out);
  check_launch("gather_scale_kernel");
}

void gather_binarize(const uint8_t* images, const int32_t* indices, int64_t rows, int64_t cols,
                     RandomKey key, float* out, Stream stream) {
  const int64_t n = rows * cols;
  if (n == 0) return;
  gather_binarize_kernel<<<blocks_for((n + 3) / 4), kThreads, 0, stream_of(stream)>>>(
      images, {indices}, n, cols, whole_quads(images, cols, out), key, out);
  check_launch("gather_binarize_kernel");
}

void gather_labels(const uint8_t* labels, const int32_t* indices, int64_t rows, int32_t* out,
                   Stream stream) {
  if (rows == 0) return;
  gather_labels_kernel<<<blocks_for(rows), kThreads, 0, stream_of(stream)>>>(labels, indices, rows,
                                                                             out);
  check_launch("gather_labels_kernel");
}

}  // namespace burin::cuda
