// Batches from a data set that stays in memory as bytes: which examples, and their pixels as
// floats.
//
// The order of an epoch is a random permutation that is computed, not stored: a Feistel network
// (Luby & Rackoff 1988) over the smallest power of two that holds `count`, walked along its cycle
// until it falls below `count` (Black & Rogaway 2002, "Ciphers with arbitrary finite domains",
// method 2). So any position of any epoch can be had at once, and a run resumes from its step.
// docs/maths.md#gather
#pragma once

#include <cstdint>

#include "kernels/common/host_device.h"
#include "kernels/common/philox.h"
#include "kernels/common/stream.h"

namespace burin {

// One permutation of [0, count).
struct Shuffle {
  static constexpr int kRounds = 8;
  uint32_t round_key[kRounds];
  uint32_t count;
  uint32_t left_bits, right_bits;  // left_bits + right_bits = bits of the domain
};

// The permutation of an epoch. 1 <= count < 2^31. Round keys: blocks 0 and 1 of (seed, stream,
// step = epoch).
BURIN_HOST_DEVICE Shuffle make_shuffle(uint64_t seed, uint32_t stream, uint64_t epoch,
                                       int64_t count) {
  Shuffle shuffle;
  for (uint32_t block = 0; block < 2; ++block) {
    const PhiloxWords words = random_block(seed, stream, epoch, block);
    for (uint32_t i = 0; i < 4; ++i) shuffle.round_key[4 * block + i] = words.word[i];
  }
  shuffle.count = static_cast<uint32_t>(count);
  uint32_t bits = 0;
  while ((uint64_t{1} << bits) < static_cast<uint64_t>(count)) ++bits;
  shuffle.left_bits = bits / 2;
  shuffle.right_bits = bits - bits / 2;
  return shuffle;
}

// Round function: the finaliser of MurmurHash3 (Appleby), which flips each output bit with
// probability near 1/2 for each input bit.
BURIN_HOST_DEVICE uint32_t shuffle_mix(uint32_t x) {
  x ^= x >> 16;
  x *= 0x85EBCA6Bu;
  x ^= x >> 13;
  x *= 0xC2B2AE35u;
  x ^= x >> 16;
  return x;
}

// Where the permutation sends `position`, 0 <= position < count.
BURIN_HOST_DEVICE int32_t shuffled(const Shuffle& shuffle, int64_t position) {
  const uint32_t left_mask = (uint32_t{1} << shuffle.left_bits) - 1;
  const uint32_t right_mask = (uint32_t{1} << shuffle.right_bits) - 1;
  uint32_t x = static_cast<uint32_t>(position);
  do {
    uint32_t left = x >> shuffle.right_bits;
    uint32_t right = x & right_mask;
    for (int round = 0; round < Shuffle::kRounds; round += 2) {
      left ^= shuffle_mix(right ^ shuffle.round_key[round]) & left_mask;
      right ^= shuffle_mix(left ^ shuffle.round_key[round + 1]) & right_mask;
    }
    x = (left << shuffle.right_bits) | right;
  } while (x >= shuffle.count);
  return static_cast<int32_t>(x);
}

// The example at `position` of an epoch's order: for fixed (seed, epoch, count, stream) a
// permutation of [0, count). 0 <= position < count < 2^31.
BURIN_HOST_DEVICE int32_t shuffled_index(uint64_t seed, uint64_t epoch, int64_t position,
                                         int64_t count, uint32_t stream = 0) {
  return shuffled(make_shuffle(seed, stream, epoch, count), position);
}

// Which rows of the data set a step takes: those at positions first, first + 1, ... of an epoch's
// order.
struct BatchOrder {
  Shuffle shuffle;
  int64_t first;
};

// Of step `step`, the key's: steps_per_epoch = count / batch (a last partial batch is dropped),
// epoch = step / steps_per_epoch, first = (step % steps_per_epoch) * batch.
BURIN_HOST_DEVICE BatchOrder batch_order(const RandomKey& key, uint64_t step, int64_t count,
                                         int64_t batch) {
  const auto steps_per_epoch = static_cast<uint64_t>(count / batch);
  return {make_shuffle(key.seed, key.stream, step / steps_per_epoch, count),
          static_cast<int64_t>(step % steps_per_epoch) * batch};
}

// The data set's row that is row r of the batch, 0 <= r < batch.
BURIN_HOST_DEVICE int32_t batch_index(const BatchOrder& order, int64_t r) {
  return shuffled(order.shuffle, order.first + r);
}

// A pixel drawn as Bernoulli(byte / 255) from one random word: 1 where 255 u < byte. In integers,
// so exactly: u = k 2^-24, and 255 k < 2^32. Byte 255 is always 1, byte 0 always 0.
BURIN_HOST_DEVICE float binarize(uint8_t byte, uint32_t word) {
  return 255u * (word >> 8) < (static_cast<uint32_t>(byte) << 24) ? 1.0f : 0.0f;
}

// Two roundings, no fused multiply-add: so 255 * (1 / 255) + 0 and 255 * (2 / 255) - 1 are
// exactly 1.
BURIN_HOST_DEVICE float scale_byte(uint8_t byte, float scale, float shift) {
  return static_cast<float>(byte) * scale + shift;
}

// Contract of both twins: every indices[r] is a row of the data set; indices == nullptr means
// rows 0, 1, ..., rows - 1. Outputs are overwritten and overlap no input. The same bits for any
// thread count or block order.
namespace cpu {

// indices[batch] of step s = *key.step: with steps_per_epoch = count / batch (a last partial batch
// is dropped) and epoch = s / steps_per_epoch,
//   indices[r] = shuffled_index(key.seed, epoch, (s % steps_per_epoch) * batch + r, count,
//                               key.stream).
// 1 <= batch <= count < 2^31.
void batch_indices(int64_t count, int64_t batch, RandomKey key, int32_t* indices, Stream stream);

// out[rows, cols] = scale_byte(images[indices[r], c], scale, shift). images: [count, cols].
void gather_scale(const uint8_t* images, const int32_t* indices, int64_t rows, int64_t cols,
                  float scale, float shift, float* out, Stream stream);

// out[rows, cols] = binarize(images[indices[r], c], word): 0 or 1, drawn anew each step (dynamic
// binarisation; Salakhutdinov & Murray 2008). The word is that of element r * cols + c.
void gather_binarize(const uint8_t* images, const int32_t* indices, int64_t rows, int64_t cols,
                     RandomKey key, float* out, Stream stream);

// out[rows] = labels[indices[r]]. labels: [count].
void gather_labels(const uint8_t* labels, const int32_t* indices, int64_t rows, int32_t* out,
                   Stream stream);

}  // namespace cpu

namespace cuda {
// The same signatures, by construction.
decltype(cpu::batch_indices) batch_indices;
decltype(cpu::gather_scale) gather_scale;
decltype(cpu::gather_binarize) gather_binarize;
decltype(cpu::gather_labels) gather_labels;
}  // namespace cuda

}  // namespace burin
