// What a training step begins with, in one launch: the rows of the step's batch as floats and, for
// a GAN, the latent vectors of its two turns. It joins gather's batch_indices with gather_scale or
// gather_binarize, and random_normal.
// docs/maths.md#batch
#pragma once

#include <cstdint>

#include "kernels/common/philox.h"
#include "kernels/common/stream.h"

namespace burin {

// Latent vectors made beside a batch. z[halves n]: the first n numbers are those of
// random_normal(z, n, 1, first), the second those of random_normal(z + n, n, 1, second), if halves
// is 2 and not 1. z null or n = 0: none.
struct BatchNoise {
  float* z = nullptr;
  int64_t n = 0;
  RandomKey first{};
  RandomKey second{};
  int halves = 2;
};

// Contract of both twins: images is [count, cols], 1 <= batch <= count < 2^31, cols >= 0; row r of
// the output is row indices[r] of the images, where indices are those of
// batch_indices(count, batch, order, indices). Outputs are overwritten; no two buffers overlap.
// The bits of the separate rooms one after another, for any thread count or block order.
namespace cpu {

// out[batch, cols] = gather_scale(images, indices, batch, cols, scale, shift); and the noise.
void batch_scale(const uint8_t* images, int64_t count, int64_t batch, int64_t cols, RandomKey order,
                 float scale, float shift, float* out, const BatchNoise& noise, Stream stream);

// out[batch, cols] = gather_binarize(images, indices, batch, cols, key).
void batch_binarize(const uint8_t* images, int64_t count, int64_t batch, int64_t cols,
                    RandomKey order, RandomKey key, float* out, Stream stream);

}  // namespace cpu

namespace cuda {
// The same signatures, by construction.
decltype(cpu::batch_scale) batch_scale;
decltype(cpu::batch_binarize) batch_binarize;
}  // namespace cuda

}  // namespace burin
