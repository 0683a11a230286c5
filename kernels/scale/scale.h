// Product with a number.
//   y = alpha * x   or   y += alpha * x
// docs/maths.md#scale
#pragma once

#include <cstdint>

#include "kernels/common/stream.h"

namespace burin {

// Contract of both twins: n >= 0 elements; the same bits for any thread count or block order.
namespace cpu {

// y[n] = alpha * x[n]: added to y if `accumulate` (product and sum each rounded), else y is
// overwritten. y may be x. NaN and infinity in x are not hidden by alpha = 0.
void scale(const float* x, float alpha, float* y, int64_t n, bool accumulate, Stream stream);

}  // namespace cpu

namespace cuda {
// The same signature, by construction.
decltype(cpu::scale) scale;
}  // namespace cuda

}  // namespace burin
