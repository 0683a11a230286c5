#include "kernels/batch/batch.h"
#include "kernels/common/cuda_random.cuh"
#include "kernels/common/cuda_vector.cuh"
#include "kernels/gather/pixel_quads.cuh"
#include "kernels/random_fill/normal_quad.cuh"

namespace burin::cuda {
namespace {

// The rows of a batch.
struct BatchRows {
  const BatchOrder& order;
  __device__ int32_t operator()(int64_t r) const { return batch_index(order, r); }
};

// The order is made once a block, in shared memory. All threads of a block call it, once a kernel.
__device__ BatchRows block_rows(const RandomKey& key, int64_t count, int64_t batch) {
  __shared__ BatchOrder order;
  if (threadIdx.x == 0) order = batch_order(key, step_of(key), count, batch);
  __syncthreads();
  return {order};
}

// Block `block` of halves * `blocks`: each half of the noise has as many.
__device__ void fill_noise(const BatchNoise& noise, unsigned block, unsigned blocks) {
  const bool second = block >= blocks;
  const RandomKey key = second ? noise.second : noise.first;
  const uint64_t step = block_step(key);
  float* z = second ? noise.z + noise.n : noise.z;
  const bool vectors = aligned(z);
  const int64_t thread = int64_t{second ? block - blocks : block} * kThreads + threadIdx.x;
  for (int64_t i = 4 * thread; i < noise.n; i += int64_t{4} * blocks * kThreads) {
    store_quad(z + i, normal_quad(key, step, i), noise.n - i, vectors);
  }
}

// Blocks [0, row_blocks) make the rows, the halves * noise_blocks after them the noise.
__global__ void batch_scale_kernel(const uint8_t* images /* [count, cols] */, int64_t count,
                                   int64_t batch, int64_t cols, bool vectors, RandomKey order,
                                   float scale, float shift, float* out /* [batch, cols] */,
                                   unsigned row_blocks, BatchNoise noise, unsigned noise_blocks) {
  if (blockIdx.x >= row_blocks) {
    fill_noise(noise, blockIdx.x - row_blocks, noise_blocks);
    return;
  }
  const BatchRows rows = block_rows(order, count, batch);
  scale_pixels(images, rows, batch * cols, cols, vectors, row_blocks, scale, shift, out);
}

__global__ void batch_binarize_kernel(const uint8_t* images /* [count, cols] */, int64_t count,
                                      int64_t batch, int64_t cols, bool vectors, RandomKey order,
                                      RandomKey key, float* out /* [batch, cols] */) {
  const BatchRows rows = block_rows(order, count, batch);
  const uint64_t step = block_step(key);
  binarize_pixels(images, rows, batch * cols, cols, vectors, gridDim.x, key, step, out);
}

unsigned blocks_of_quads(int64_t n) {
  return n == 0 ? 0 : blocks_for((n + 3) / 4);
}

}  // namespace

void batch_scale(const uint8_t* images, int64_t count, int64_t batch, int64_t cols, RandomKey order,
                 float scale, float shift, float* out, const BatchNoise& noise, Stream stream) {
  const unsigned row_blocks = blocks_of_quads(batch * cols);
  const unsigned noise_blocks = noise.z == nullptr ? 0 : blocks_of_quads(noise.n);
  const unsigned blocks = row_blocks + static_cast<unsigned>(noise.halves) * noise_blocks;
  if (blocks == 0) return;
  batch_scale_kernel<<<blocks, kThreads, 0, stream_of(stream)>>>(
      images, count, batch, cols, whole_quads(images, cols, out), order, scale, shift, out,
      row_blocks, noise, noise_blocks);
  check_launch("batch_scale_kernel");
}

void batch_binarize(const uint8_t* images, int64_t count, int64_t batch, int64_t cols,
                    RandomKey order, RandomKey key, float* out, Stream stream) {
  if (cols == 0) return;
  batch_binarize_kernel<<<blocks_of_quads(batch * cols), kThreads, 0, stream_of(stream)>>>(
      images, count, batch, cols, whole_quads(images, cols, out), order, key, out);
  check_launch("batch_binarize_kernel");
}

}  // namespace burin::cuda
