#include "kernels/common/cuda_random.cuh"
#include "kernels/common/cuda_vector.cuh"
#include "kernels/dropout/dropout.h"

namespace burin::cuda {
namespace {

constexpr unsigned kAllLanes = 0xffffffffu;
constexpr int64_t kElementsAWarp = 256;  // 32 Philox blocks of eight half-words

// A Philox block serves two quads. Each lane computes one block and the warp deals the words out,
// so that no block is computed twice and neighbouring lanes still touch neighbouring quads: in part
// 0 and 1 of its 256 elements, lane l takes quad 32 * part + l, whose words are in lane 16 * part +
// l / 2. finish(out, i) makes of a quad of dropped-out elements, the first of which is i, what is
// stored.
template <class Finish>
__device__ void drop_out(const float* x /* [n] */, float* y /* [n] */, int64_t n, bool vectors,
                         uint32_t threshold, float scale, const RandomKey& key,
                         const Finish& finish) {
  const uint64_t step = block_step(key);
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const bool odd = lane % 2 != 0;
  const int64_t stride = grid_threads() / 32 * kElementsAWarp;
  for (int64_t base = grid_thread() / 32 * kElementsAWarp; base < n; base += stride) {
    const PhiloxWords words =
        random_block(key.seed, key.stream, step, static_cast<uint32_t>(base / 8 + lane));
#pragma unroll
    for (int part = 0; part < 2; ++part) {
      const int source = 16 * part + lane / 2;
      uint32_t word[2];
#pragma unroll
      for (int k = 0; k < 2; ++k) {
        const uint32_t first_quad = __shfl_sync(kAllLanes, words.word[k], source);
        const uint32_t second_quad = __shfl_sync(kAllLanes, words.word[2 + k], source);
        word[k] = odd ? second_quad : first_quad;
      }
      const int64_t i = base + 128 * part + 4 * lane;
      if (i >= n) continue;
      Lanes<4> out = load_quad(x + i, n - i, vectors);
#pragma unroll
      for (int k = 0; k < 4; ++k) {
        const uint32_t half_word = k % 2 == 0 ? word[k / 2] & 0xffffu : word[k / 2] >> 16;
        out.v[k] = dropout(out.v[k], half_word, threshold, scale);
      }
      store_quad(y + i, finish(out, i), n - i, vectors);
    }
  }
}

__global__ void dropout_kernel(const float* x /* [n] */, float* y /* [n] */, int64_t n,
                               bool vectors, uint32_t threshold, float scale, RandomKey key,
                               bool accumulate) {
  drop_out(x, y, n, vectors, threshold, scale, key, [=](const Lanes<4>& out, int64_t i) {
    if (!accumulate) return out;
    const auto plus = [](float a, float b) { return a + b; };
    return map(Width<4>{}, plus, load_quad(y + i, n - i, vectors), out);
  });
}

__global__ void dropout_activation_backward_kernel(const float* x /* [n] */,
                                                   const float* d_y /* [n] */, float* d_x /* [n] */,
                                                   int64_t n, bool vectors, uint32_t threshold,
                                                   float scale, RandomKey key,
                                                   Activation activation, float slope) {
  drop_out(d_y, d_x, n, vectors, threshold, scale, key, [=](const Lanes<4>& out, int64_t i) {
    const auto derivative = [=](float d, float v) {
      return d * activation_derivative(activation, v, slope);
    };
    return map(Width<4>{}, derivative, out, load_quad(x + i, n - i, vectors));
  });
}

unsigned dropout_blocks(int64_t n) {
  return blocks_for(32 * ((n + kElementsAWarp - 1) / kElementsAWarp));
}

void launch_dropout(const float* x, float* y, int64_t n, float rate, RandomKey key, bool accumulate,
                    Stream stream) {
  if (n == 0) return;
  const uint32_t threshold = dropout_threshold(rate);
  dropout_kernel<<<dropout_blocks(n), kThreads, 0, stream_of(stream)>>>(
      x, y, n, aligned(x) && aligned(y), threshold, dropout_scale(threshold), key, accumulate);
  check_launch("dropout_kernel");
}

}  // namespace

void dropout_forward(const float* x, float* y, int64_t n, float rate, RandomKey key,
                     Stream stream) {
  launch_dropout(x, y, n, rate, key, false, stream);
}

void dropout_backward(const float* d_y, float* d_x, int64_t n, float rate, RandomKey key,
                      bool accumulate, Stream stream) {
  launch_dropout(d_y, d_x, n, rate, key, accumulate, stream);
}

void dropout_activation_backward(const float* x, const float* d_y, float* d_x, int64_t n,
                                 float rate, Activation activation, float slope, RandomKey key,
                                 Stream stream) {
  if (activation == Activation::none) {
    launch_dropout(d_y, d_x, n, rate, key, false, stream);
    return;
  }
  if (n == 0) return;
  const uint32_t threshold = dropout_threshold(rate);
  dropout_activation_backward_kernel<<<dropout_blocks(n), kThreads, 0, stream_of(stream)>>>(
      x, d_y, d_x, n, aligned(x) && aligned(d_y) && aligned(d_x), threshold,
      dropout_scale(threshold), key, activation, slope);
  check_launch("dropout_activation_backward_kernel");
}

}  // namespace burin::cuda
