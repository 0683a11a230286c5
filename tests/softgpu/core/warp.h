// The meaning of the warp-wide instructions.
#pragma once

#include <cstdint>

#include "device/abi.h"

namespace burin::softgpu {

// Fills out[] and out_predicate of every lane in `lanes`. A shuffle that reads a lane outside
// `lanes` gets kUndefined; the lowest such reader is returned, or 32 if there is none.
uint32_t evaluate_warp(WarpOp operation, uint32_t lanes, WarpArgs* const arguments[32]);
inline constexpr uint32_t kUndefined = 0x7fdeadbe;  // a NaN

}  // namespace burin::softgpu
