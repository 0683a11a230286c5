// Weights that are mostly zero, beside the dense tensor that they were made from.
#pragma once

#include "engine/backend/memory.h"
#include "engine/tensor/tensor.h"
#include "kernels/sparse_gemm/sparse_gemm.h"

namespace burin {

class SparseWeights {
 public:
  // Of weight[rows, cols] as it is now, on its device. cols <= SparseMatrix::kMaxCols and fewer
  // than 2^31 weights that are not zero, else std::invalid_argument.
  explicit SparseWeights(const Tensor& weight);

  const SparseMatrix& matrix() const { return matrix_; }
  int64_t nonzeros() const { return nonzeros_; }

 private:
  Memory values_, columns_, starts_;
  SparseMatrix matrix_{};
  int64_t nonzeros_ = 0;
};

}  // namespace burin
