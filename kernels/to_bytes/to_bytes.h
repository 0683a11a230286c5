// Pixels as bytes, for pictures. On the CPU only: the host writes them.
#pragma once

#include <cstdint>

namespace burin::cpu {

// bytes[n] = pixels[n] in [0, 1] (clamped; NaN is 0) times 255, rounded, halves up. Overwrites
// bytes. The same for any thread count.
void to_bytes(const float* pixels, int64_t n, uint8_t* bytes);

}  // namespace burin::cpu
