// Standard normals for the CUDA twins that draw them.
#pragma once

#include "kernels/common/cuda_vector.cuh"
#include "kernels/random_fill/random_fill.h"

namespace burin::cuda {

// Elements i to i + 3, i a multiple of 4. `step` is the key's step, read once.
__device__ inline Lanes<4> normal_quad(const RandomKey& key, uint64_t step, int64_t i) {
  const PhiloxWords words = random_block(key.seed, key.stream, step, static_cast<uint32_t>(i / 4));
  Lanes<4> normals;
  normal_pair(words.word[0], words.word[1], &normals.v[0], &normals.v[1]);
  normal_pair(words.word[2], words.word[3], &normals.v[2], &normals.v[3]);
  return normals;
}

}  // namespace burin::cuda
