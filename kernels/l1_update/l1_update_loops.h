// The loops of l1_update's CPU twin over weights, for its two ways: elements (l1_update_cpu.cpp)
// and rows (l1_update_rows_cpu.cpp).
#pragma once

#include "kernels/l1_update/l1_update_formula.h"

namespace burin::cpu {

// What is done at a time: new weights are still in the first cache when they are looked at again.
inline constexpr int64_t kBlock = 1024;

// The flat buffers from a block's first element on; state that the optimiser has none of is null.
struct Block {
  float* __restrict__ w;
  const float* __restrict__ g;
  float* __restrict__ m;
  float* __restrict__ v;
  float* __restrict__ a;
  int64_t count;
  bool keep_zeros;
};

struct Flat {
  float* w;
  const float* g;
  float* m;
  float* v;
  float* a;

  Block block(int64_t i, int64_t count, bool keep_zeros) const {
    const auto at = [i](float* p) { return p == nullptr ? nullptr : p + i; };
    return {w + i, g + i, at(m), at(v), at(a), count, keep_zeros};
  }
};

// f(i, state): the new weight, and the state overwritten, of each element.
template <OptimizerKind kOptimizer, class F>
BURIN_ALWAYS_INLINE void each_weight(const Block& block, const F& f) {
  float* __restrict__ w = block.w;
  float* __restrict__ m = block.m;
  float* __restrict__ v = block.v;
  float* __restrict__ a = block.a;
  const bool keep_zeros = block.keep_zeros;
  for (int64_t i = 0; i < block.count; ++i) {
    WeightState state;
    if constexpr (has_m(kOptimizer)) state.m = m[i];
    if constexpr (has_v(kOptimizer)) state.v = v[i];
    if constexpr (has_a(kOptimizer)) state.a = a[i];
    const float old = w[i];
    const float updated = f(i, old, state);
    w[i] = keep_zeros && old == 0.0f ? 0.0f : updated;
    if constexpr (has_m(kOptimizer)) m[i] = state.m;
    if constexpr (has_v(kOptimizer)) v[i] = state.v;
    if constexpr (has_a(kOptimizer)) a[i] = state.a;
  }
}

// The optimiser and the penalty of c.form.
void update_block(const Block& block, OptimizerKind optimizer, const UpdateCoefficients& c);

// Rows [first, first + rows) of a segment that has rows, with their biases: group lasso.
void update_rows(const Flat& flat, const UpdateSegment& segment, int64_t first, int64_t rows,
                 OptimizerKind optimizer, const UpdateCoefficients& c);

}  // namespace burin::cpu
