// Sum of two buffers.
//   y = a + b       d_a = d_b = d_y
// docs/maths.md#add
#pragma once

#include <cstdint>

#include "kernels/common/stream.h"

namespace burin {

// Contract of both twins: n >= 0 elements; the same bits for any thread count or block order.
namespace cpu {

// y[n] = a[n] + b[n]. Overwrites y; y may be a or b.
void add(const float* a, const float* b, float* y, int64_t n, Stream stream);

}  // namespace cpu

namespace cuda {
// The same signature, by construction.
decltype(cpu::add) add;
}  // namespace cuda

}  // namespace burin
