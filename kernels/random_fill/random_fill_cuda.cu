#include "kernels/common/cuda_random.cuh"
#include "kernels/common/cuda_vector.cuh"
#include "kernels/random_fill/normal_quad.cuh"
#include "kernels/random_fill/random_fill.h"

namespace burin::cuda {
namespace {

// A thread takes quads, one Philox block each.
__global__ void random_uniform_kernel(float* x /* [n] */, int64_t n, bool vectors, float low,
                                      float width, RandomKey key) {
  const uint64_t step = block_step(key);
  for (int64_t i = 4 * grid_thread(); i < n; i += 4 * grid_threads()) {
    const PhiloxWords words =
        random_block(key.seed, key.stream, step, static_cast<uint32_t>(i / 4));
    Lanes<4> u;
#pragma unroll
    for (int k = 0; k < 4; ++k) u.v[k] = uniform_of(words.word[k]) * width + low;
    store_quad(x + i, u, n - i, vectors);
  }
}

__global__ void random_normal_kernel(float* x /* [n] */, int64_t n, bool vectors, float deviation,
                                     RandomKey key) {
  const uint64_t step = block_step(key);
  for (int64_t i = 4 * grid_thread(); i < n; i += 4 * grid_threads()) {
    const Lanes<4> normals = normal_quad(key, step, i);
    const auto times_deviation = [=](float v) { return deviation * v; };
    store_quad(x + i, map(Width<4>{}, times_deviation, normals), n - i, vectors);
  }
}

}  // namespace

void random_uniform(float* x, int64_t n, float low, float high, RandomKey key, Stream stream) {
  if (n == 0) return;
  random_uniform_kernel<<<blocks_for((n + 3) / 4), kThreads, 0, stream_of(stream)>>>(
      x, n, aligned(x), low, high - low, key);
  check_launch("random_uniform_kernel");
}

void random_normal(float* x, int64_t n, float deviation, RandomKey key, Stream stream) {
  if (n == 0) return;
  random_normal_kernel<<<blocks_for((n + 3) / 4), kThreads, 0, stream_of(stream)>>>(
      x, n, aligned(x), deviation, key);
  check_launch("random_normal_kernel");
}

}  // namespace burin::cuda
