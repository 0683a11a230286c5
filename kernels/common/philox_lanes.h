// Philox for the CPU twins: many blocks at a time, in the lanes of vectors. The numbers are those
// of philox.h.
#pragma once

#include <cstdint>

#include "kernels/common/philox.h"

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

// Lane l holds block blocks[l], of kPhiloxLanes. Overwrites the tile.
void fill_listed(const PhiloxPosition& position, const uint32_t* blocks, PhiloxTile& tile);

// Blocks first_block, ..., first_block + kPhiloxLanes - 1.
inline void fill_tile(const PhiloxPosition& position, uint32_t first_block, PhiloxTile& tile) {
  alignas(64) uint32_t blocks[kPhiloxLanes];
  for (uint32_t lane = 0; lane < kPhiloxLanes; ++lane) blocks[lane] = first_block + lane;
  fill_listed(position, blocks, tile);
}

namespace detail {

// fill_listed chooses one of these: as the compiler makes it of a loop, for any processor, and for
// AVX-512; null if the build or the processor lacks that.
using FillLanes = void (*)(const PhiloxPosition& position, const uint32_t* blocks,
                           PhiloxTile& tile);
FillLanes philox_by_compiler();
FillLanes philox_avx512();

}  // namespace detail

}  // namespace burin::cpu
