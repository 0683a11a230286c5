// Philox for the CPU twins: many blocks at a time, laid out so that compilers vectorise over them.
// The numbers are those of philox.h.
#pragma once

#include <cstdint>

#include "kernels/common/philox.h"
#include "kernels/common/simd.h"

namespace burin::cpu {

inline constexpr int kPhiloxLanes = 64;                   // blocks a tile
inline constexpr int64_t kWordsATile = 4 * kPhiloxLanes;  // 1 KiB of words

// Word k of the tile's block l is word[k][l].
struct PhiloxTile {
  alignas(64) uint32_t word[4][kPhiloxLanes];
};

// A RandomKey with its step read.
struct PhiloxPosition {
  uint64_t seed;
  uint32_t stream;
  uint64_t step;
};

inline PhiloxPosition position_of(const RandomKey& key) {
  return {key.seed, key.stream, step_of(key)};
}

// Lane l holds block block_of(l).
//
// Each 32-bit word travels in a 64-bit lane whose upper half is rubbish: a product is then used as
// it comes, with no shuffling between 32- and 64-bit lanes (0.5 instead of 0.9 ns a word on
// AVX-512).
template <class BlockOf>
BURIN_ALWAYS_INLINE void fill_lanes(const PhiloxPosition& position, const BlockOf& block_of,
                                    PhiloxTile& tile) {
  const uint32_t key0 = static_cast<uint32_t>(position.seed);
  const uint32_t key1 = static_cast<uint32_t>(position.seed >> 32);
  const auto round = [=](uint64_t & c0, uint64_t & c1, uint64_t & c2, uint64_t & c3, uint32_t r)
      __attribute__((always_inline)) {
    const uint64_t product0 = uint64_t{static_cast<uint32_t>(c0)} * 0xD2511F53u;
    const uint64_t product1 = uint64_t{static_cast<uint32_t>(c2)} * 0xCD9E8D57u;
    c0 = (product1 >> 32) ^ c1 ^ (key0 + r * 0x9E3779B9u);
    c1 = product1;
    c2 = (product0 >> 32) ^ c3 ^ (key1 + r * 0xBB67AE85u);
    c3 = product0;
  };
  for (uint32_t lane = 0; lane < kPhiloxLanes; ++lane) {
    uint64_t c0 = block_of(lane);
    uint64_t c1 = position.step;
    uint64_t c2 = position.step >> 32;
    uint64_t c3 = position.stream;
    round(c0, c1, c2, c3, 0);
    round(c0, c1, c2, c3, 1);
    round(c0, c1, c2, c3, 2);
    round(c0, c1, c2, c3, 3);
    round(c0, c1, c2, c3, 4);
    round(c0, c1, c2, c3, 5);
    round(c0, c1, c2, c3, 6);
    round(c0, c1, c2, c3, 7);
    round(c0, c1, c2, c3, 8);
    round(c0, c1, c2, c3, 9);
    tile.word[0][lane] = static_cast<uint32_t>(c0);
    tile.word[1][lane] = static_cast<uint32_t>(c1);
    tile.word[2][lane] = static_cast<uint32_t>(c2);
    tile.word[3][lane] = static_cast<uint32_t>(c3);
  }
}

// Blocks first_block, ..., first_block + kPhiloxLanes - 1.
BURIN_ALWAYS_INLINE void fill_tile(const PhiloxPosition& position, uint32_t first_block,
                                   PhiloxTile& tile) {
  const auto next = [=](uint32_t lane) __attribute__((always_inline)) {
    return first_block + lane;
  };
  fill_lanes(position, next, tile);
}

// Blocks blocks[0], ..., blocks[kPhiloxLanes - 1].
BURIN_ALWAYS_INLINE void fill_listed(const PhiloxPosition& position, const uint32_t* blocks,
                                     PhiloxTile& tile) {
  const auto listed = [=](uint32_t lane) __attribute__((always_inline)) {
    return blocks[lane];
  };
  fill_lanes(position, listed, tile);
}

}  // namespace burin::cpu
