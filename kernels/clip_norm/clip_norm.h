// Gradient clipping by norm (Pascanu, Mikolov & Bengio 2013, algorithm 1): a gradient that is
// longer than `most` is shortened to it,
//   g = g * min(1, most / |g|)
// |g| being the norm over several buffers, of which each is clipped by a call of its own.
// docs/maths.md#clip_norm
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/common/host_device.h"
#include "kernels/common/stream.h"

namespace burin {

// From the sums of squares of `count` buffers. NaN in them makes it NaN; an infinite sum makes it
// 0.
BURIN_HOST_DEVICE float clip_factor(const float* squares, int count, float most) {
  double total = 0.0;
  for (int i = 0; i < count; ++i) total += static_cast<double>(squares[i]);
  const double norm = std::sqrt(total);
  return norm <= static_cast<double>(most) ? 1.0f
                                           : static_cast<float>(static_cast<double>(most) / norm);
}

// Contract of both twins: n >= 0; the same bits for any thread count or block order.
namespace cpu {

// g[n] *= clip_factor(squares, count, most), in place; the elements stay as they are if it is 1.
// squares[count]: sum_of_squares of each buffer that the norm is over, g among them, in the same
// memory as g. most > 0.
void clip_norm(float* g, int64_t n, const float* squares, int count, float most, Stream stream);

}  // namespace cpu

namespace cuda {
// The same signature, by construction.
decltype(cpu::clip_norm) clip_norm;
}  // namespace cuda

}  // namespace burin
