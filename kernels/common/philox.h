// Random numbers without a state: Philox 4x32-10, a function of (seed, stream, step, element).
//   Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011,
//   section 3.3
//
// Keying, everywhere in Burin:
//   key     = (seed low, seed high)
//   counter = (block, step low, step high, stream)
// A block gives four 32-bit words. Where an element takes one word, element i takes word i % 4 of
// block i / 4 (the low 32 bits of i / 4: up to 2^34 elements). So a number depends neither on the
// device nor on the number of threads, a fill of n begins with the fill of any m < n, and a run
// resumes from its step alone. A stream belongs to one purpose: two uses of the same stream at the
// same step see the same numbers.
#pragma once

#include <cstdint>

#include "kernels/common/host_device.h"

namespace burin {

// Which numbers a launcher draws. `step` points to the step counter and is read by the kernel when
// it runs: on a GPU it lies in device memory, so that a captured graph can be replayed with another
// step. nullptr: step 0.
struct RandomKey {
  uint64_t seed = 0;
  uint32_t stream = 0;
  const uint64_t* step = nullptr;
};

struct PhiloxWords {
  uint32_t word[4];
};

namespace detail {

inline constexpr uint32_t kPhiloxMultiplier0 = 0xD2511F53u;
inline constexpr uint32_t kPhiloxMultiplier1 = 0xCD9E8D57u;
inline constexpr uint32_t kPhiloxWeyl0 = 0x9E3779B9u;  // the key grows by this each round
inline constexpr uint32_t kPhiloxWeyl1 = 0xBB67AE85u;

BURIN_HOST_DEVICE void philox_round(uint32_t& c0, uint32_t& c1, uint32_t& c2, uint32_t& c3,
                                    uint32_t key0, uint32_t key1) {
  const uint64_t product0 = uint64_t{c0} * kPhiloxMultiplier0;
  const uint64_t product1 = uint64_t{c2} * kPhiloxMultiplier1;
  c0 = static_cast<uint32_t>(product1 >> 32) ^ c1 ^ key0;
  c1 = static_cast<uint32_t>(product1);
  c2 = static_cast<uint32_t>(product0 >> 32) ^ c3 ^ key1;
  c3 = static_cast<uint32_t>(product0);
}
}  // namespace detail

// The ten-round block function: 128 bits of counter and 64 of key to 128 random bits.
BURIN_HOST_DEVICE PhiloxWords philox4x32(uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3,
                                         uint32_t key0, uint32_t key1) {
  constexpr uint32_t kWeyl0 = detail::kPhiloxWeyl0;
  constexpr uint32_t kWeyl1 = detail::kPhiloxWeyl1;
  // Written out: a loop over the rounds would keep compilers from vectorising over blocks.
  detail::philox_round(c0, c1, c2, c3, key0, key1);
  detail::philox_round(c0, c1, c2, c3, key0 + kWeyl0, key1 + kWeyl1);
  detail::philox_round(c0, c1, c2, c3, key0 + 2 * kWeyl0, key1 + 2 * kWeyl1);
  detail::philox_round(c0, c1, c2, c3, key0 + 3 * kWeyl0, key1 + 3 * kWeyl1);
  detail::philox_round(c0, c1, c2, c3, key0 + 4 * kWeyl0, key1 + 4 * kWeyl1);
  detail::philox_round(c0, c1, c2, c3, key0 + 5 * kWeyl0, key1 + 5 * kWeyl1);
  detail::philox_round(c0, c1, c2, c3, key0 + 6 * kWeyl0, key1 + 6 * kWeyl1);
  detail::philox_round(c0, c1, c2, c3, key0 + 7 * kWeyl0, key1 + 7 * kWeyl1);
  detail::philox_round(c0, c1, c2, c3, key0 + 8 * kWeyl0, key1 + 8 * kWeyl1);
  detail::philox_round(c0, c1, c2, c3, key0 + 9 * kWeyl0, key1 + 9 * kWeyl1);
  return {{c0, c1, c2, c3}};
}

// Block number `block` under Burin's keying, see the head of this file.
BURIN_HOST_DEVICE PhiloxWords random_block(uint64_t seed, uint32_t stream, uint64_t step,
                                           uint32_t block) {
  return philox4x32(block, static_cast<uint32_t>(step), static_cast<uint32_t>(step >> 32), stream,
                    static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32));
}

// The step a key stands at. To be called where the kernel runs, not where it is launched.
BURIN_HOST_DEVICE uint64_t step_of(const RandomKey& key) {
  return key.step == nullptr ? uint64_t{0} : *key.step;
}

// Uniform in [0, 1), a multiple of 2^-24: exact in single precision, and 1 is never reached.
BURIN_HOST_DEVICE float uniform_of(uint32_t word) {
  return static_cast<float>(static_cast<int32_t>(word >> 8)) * 0x1p-24f;
}

// Number i of random_uniform(0, 1) at `step`, by itself.
BURIN_HOST_DEVICE float uniform_at(const RandomKey& key, uint64_t step, int64_t i) {
  const uint64_t element = static_cast<uint64_t>(i);
  const PhiloxWords words =
      random_block(key.seed, key.stream, step, static_cast<uint32_t>(element / 4));
  return uniform_of(words.word[element % 4]);
}

}  // namespace burin
