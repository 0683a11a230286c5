// The kernel Inception distance without the Inception network: the squared maximum mean discrepancy
// of two sets of features, for the kernel (x y / dim + 1)^3.
//   1/(m (m - 1)) sum over i != j of (k(x_i, x_j) + k(y_i, y_j))
//     - 2/m^2 sum over i, j of k(x_i, y_j)
// Binkowski et al. 2018, "Demystifying MMD GANs": the unbiased estimator, which may be below 0, of
// blocks of m points, and their mean.
// docs/evaluation.md#kid
#pragma once

#include "evaluation/points.h"

namespace burin {

struct Kid {
  double value = 0;
  double error = 0;  // of the mean of the blocks: their deviation / sqrt(blocks); 0 for one block
  int64_t blocks = 0;
  int64_t block = 0;  // points of each set in a block
};

inline constexpr int64_t kKidLeast = 2;

// Disjoint blocks of `block` points of each set, or one of all points of the smaller set if that
// has fewer. A block takes points from the whole length of a set, at equal distances. Products in
// single precision by cpu::gemm, all else in double. Throws std::invalid_argument for fewer than
// kKidLeast points, or block < 2.
Kid kid(const Points& x, const Points& y, int64_t block = 1000);

}  // namespace burin
