// One value everywhere.
// docs/maths.md#fill
#pragma once

#include <cstdint>

#include "kernels/common/stream.h"

namespace burin {

// Contract of both twins: n >= 0 elements.
namespace cpu {

// x[n] = value. Overwrites x.
void fill(float* x, int64_t n, float value, Stream stream);

}  // namespace cpu

namespace cuda {
// The same signature, by construction.
decltype(cpu::fill) fill;
}  // namespace cuda

}  // namespace burin
