// Products with a matrix X of zeros and ones, a batch of binarised images, that walk its ones. Of
// the pixels of MNIST one in eight is drawn as 1: the first layer's forward product then takes half
// the time of the dense one, the gradient of its weights three quarters (AVX-512; a third with
// AVX2). A sum that leaves out terms w * 0 has the bits of one that adds them, so these products
// give those of cpu::gemm.
//
// On the CPU only: a GPU multiplies a dense X faster than it gathers.
#pragma once

#include <cstdint>

#include "kernels/gemm/gemm.h"

namespace burin::cpu {

// Where the ones of X[rows, cols] are: row r has counts[r], in the columns
// columns[r * stride], ..., rising. Behind them comes `cols`, up to the largest count of the four
// rows that r is among.
struct OnesIndex {
  // A panel of 16 columns of weights has to stay near the processor.
  static constexpr int64_t kMaxCols = 2047;
  static int64_t stride_of(int64_t cols) { return (cols + 8 + 7) / 8 * 8; }

  int64_t rows, cols;
  uint16_t* columns;  // [rows, stride_of(cols)]
  int32_t* counts;    // [rows]
};

// Fills index.columns and index.counts for X[rows, cols], whose elements are 0 or 1. False if X is
// of no use as an index, being too wide or more than a quarter full: then the index is undefined.
bool index_ones(const float* x, OnesIndex& index);

// Y[rows, out] = epilogue(X W^T), weight[out, cols]: for rows, out > 1 the bits of gemm(false,
// true, rows, out, cols, X, cols, weight, cols, y, out, epilogue), except that an infinity or NaN
// in a weight whose pixel is 0 is not seen. (With one row or column gemm has another order of
// sums.) epilogue.row_sum must be null.
void gemm_ones_forward(const OnesIndex& x, const float* weight, int64_t out, float* y,
                       const GemmEpilogue& epilogue);

// The bits of gemm(true, false, out, cols, rows, d_y, out, X, cols, d_weight, cols, {}): d_weight
// [out, cols] = d_y[rows, out]^T X, overwritten; and of its row_sum, if d_bias[out] is not null,
// added to if d_bias_accumulate.
void gemm_ones_weights(const OnesIndex& x, const float* d_y, int64_t out, float* d_weight,
                       float* d_bias, bool d_bias_accumulate);

}  // namespace burin::cpu
