// Sums over a buffer or over the rows of a matrix.
// docs/maths.md#reduce
#pragma once

#include <cstdint>

#include "kernels/common/stream.h"

namespace burin {

// Contract of both twins: the result is one element of the same memory as x (on a GPU it stays on
// the device) and is overwritten; n = 0 gives 0. Sums in a fixed order, so the same bits for any
// thread count or block order; the CPU sums in double and rounds once.
namespace cpu {

// *out = scale * sum over n of x.
void sum(const float* x, int64_t n, float scale, float* out, Stream stream);

// *out = sum over n of |x|.
void abs_sum(const float* x, int64_t n, float* out, Stream stream);

// *out = sum over n of x^2.
void sum_of_squares(const float* x, int64_t n, float* out, Stream stream);

// *out = how many of the n elements are exactly 0 (+0 or -0; a denormal is not).
void zero_count(const float* x, int64_t n, int64_t* out, Stream stream);

// out[cols] = sum over the rows of x[rows, cols], whose rows begin `ld` >= cols elements apart:
// added to out if `accumulate`, else out is overwritten (rows = 0: with 0). The gradient of a bias.
// out must not overlap x.
void column_sum(const float* x, int64_t rows, int64_t cols, int64_t ld, float* out, bool accumulate,
                Stream stream);

}  // namespace cpu

namespace cuda {
// The same signatures, by construction.
decltype(cpu::sum) sum;
decltype(cpu::abs_sum) abs_sum;
decltype(cpu::sum_of_squares) sum_of_squares;
decltype(cpu::zero_count) zero_count;
decltype(cpu::column_sum) column_sum;
}  // namespace cuda

}  // namespace burin
