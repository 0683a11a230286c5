// The matrix products of the engine.
#pragma once

#include <vector>

#include "engine/backend/gemm_planner.h"
#include "engine/backend/memory.h"
#include "kernels/gemm/gemm.h"

namespace burin {

// Makes products one by one, or puts off those that can wait, so that the GPU makes many of them in
// one launch. On the CPU nothing is put off: operands are then still in the cache.
class Products {
 public:
  explicit Products(Device device, const GemmSettings& settings = {})
      : device_(device), planner_(device, settings) {}

  void multiply(const GemmProduct& product, Stream stream);

  // Makes `product` at any time until finish(). What it reads must stay as it is until then, and
  // nobody may read what it writes. With `accumulate` it comes after all that were put off before.
  void defer(const GemmProduct& product, Stream stream);
  void finish(Stream stream);

  size_t scratch_bytes() const { return scratch_.bytes(); }
  // Rises when memory that products work in moves: what was captured before is then of no use.
  int64_t version() const { return version_; }

 private:
  float* scratch_for(const GemmProduct& product);

  Device device_;
  GemmPlanner planner_;
  Memory scratch_;  // of one product after the other
  int64_t version_ = 0;
  std::vector<GemmProduct> deferred_;
};

}  // namespace burin
