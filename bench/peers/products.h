// The matrix products of a step as the models make them, for the floor that they set.
#pragma once

#include <cstdint>
#include <vector>

#include "bench/peers/steps.h"

namespace burin::bench {

// A place in one of the step's buffers: weights, activations and gradients that a step writes and
// reads again are the same buffer here, others are not.
struct Operand {
  size_t buffer = 0;
  int64_t offset = 0;  // floats
};

// C[m, n] = op(A)[m, k] op(B)[k, n], row-major and dense, as in kernels/gemm/gemm.h.
struct Product {
  bool transpose_a, transpose_b;
  int64_t m, n, k;
  Operand a, b, c;
};

struct StepProducts {
  std::vector<int64_t> buffers;  // floats in each
  std::vector<Product> products;

  double mflop() const;
};

// In the order in which a step makes them. Their operations are those that step_mflop() counts.
StepProducts step_products(const NamedStep& step, int64_t pixels);

}  // namespace burin::bench
