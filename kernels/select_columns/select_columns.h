// Columns of a matrix, chosen and put in order by a list: how a compact model reads some of a
// latent vector, and gives back a whole one.
//   y[r, j] = x[r, columns[j]], or 0 where columns[j] < 0
// docs/maths.md#select_columns
#pragma once

#include <cstdint>

#include "kernels/common/stream.h"

namespace burin {

namespace cpu {
// y[rows, n], overwritten, from x[rows, cols] by columns[n], each -1 or in [0, cols). y overlaps
// neither. rows, n >= 0. Any value is copied as it is.
void select_columns(const float* x, int64_t rows, int64_t cols, const int32_t* columns, int64_t n,
                    float* y, Stream stream);
}  // namespace cpu

namespace cuda {
decltype(cpu::select_columns) select_columns;
}

}  // namespace burin
