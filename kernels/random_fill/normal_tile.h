// Standard normals for the CPU twins that draw them, a tile at a time.
#pragma once

#include <cstdint>

#include "kernels/common/philox_lanes.h"
#include "kernels/random_fill/random_fill.h"

namespace burin::cpu {

// normals[kWordsATile]: elements 4 * first_block, ... Overwritten.
BURIN_ALWAYS_INLINE void fill_normal_tile(const PhiloxPosition& position, uint32_t first_block,
                                          float* normals) {
  PhiloxTile tile;
  fill_tile(position, first_block, tile);
  for (int lane = 0; lane < kPhiloxLanes; ++lane) {
    float* out = normals + 4 * lane;
    normal_pair(tile.word[0][lane], tile.word[1][lane], out, out + 1);
    normal_pair(tile.word[2][lane], tile.word[3][lane], out + 2, out + 3);
  }
}

}  // namespace burin::cpu
