// A dense layer whose weights are mostly zero, stored without the zeros:
//   Y[m, rows] = activation(X[m, cols] W^T + bias),  W[rows, cols] in compressed sparse rows (CSR)
// One weight meets a whole block of the batch, so that nothing is gathered: X is turned over, a
// block of its rows at a time, and each weight that is there is one fused multiply-add of vectors.
// A sum that leaves out terms 0 * x has the bits of one that adds them, so the bits are those of
// cpu::gemm on the same matrix. docs/maths.md#sparse_gemm
#pragma once

#include <cstdint>

#include "kernels/common/stream.h"
#include "kernels/gemm/activation.h"

namespace burin {

// Row r has the values [starts[r], starts[r + 1]), in the columns of the same places, which rise.
struct SparseMatrix {
  // A block of X, turned over, has to stay near the processor.
  static constexpr int64_t kMaxCols = 4096;

  int64_t rows, cols;       // cols <= kMaxCols
  const float* values;      // [starts[rows]]
  const uint16_t* columns;  // [starts[rows]], each < cols
  const int32_t* starts;    // [rows + 1], from 0, never falling
};

// Contract of the twins. m, rows, cols >= 0. x[m, cols] has rows ldx apart, y[m, rows] rows ldy
// apart and is overwritten, nothing between its rows is touched. bias[rows], or null for none;
// `slope` is leaky_relu's, > 0. y overlaps nothing. Each sum is one chain of fused multiply-adds in
// the order of the columns, beginning with 0: for finite x, m > 1 and rows > 1 the bits of
// gemm(false, true, m, rows, cols, x, ldx, W, cols, y, ldy, {bias, activation, slope}), on every
// instruction set, for any number of threads. An infinity or NaN in x that meets no weight is not
// seen.
namespace cpu {
void sparse_gemm(const SparseMatrix& w, const float* x, int64_t ldx, int64_t m, float* y,
                 int64_t ldy, const float* bias, Activation activation, float slope, Stream stream);
}
namespace cuda {
// w's arrays are on the device.
decltype(cpu::sparse_gemm) sparse_gemm;
}  // namespace cuda

}  // namespace burin
