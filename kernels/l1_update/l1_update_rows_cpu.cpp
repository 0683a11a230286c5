// Group lasso. A row is walked three times, in the first cache where it fits there: the optimiser's
// state and the row's diagonal, the step and its norm, the factor that the norm asks for.
#include <algorithm>

#include "kernels/l1_update/l1_update_loops.h"

namespace burin::cpu {
namespace {

BURIN_SIMD_CLONES
void advance_block(const Block& block, float* diagonals, OptimizerKind optimizer,
                   const UpdateCoefficients& c) {
  with_optimizer(
      optimizer, [&](auto tag) __attribute__((always_inline)) {
        constexpr OptimizerKind kOptimizer = decltype(tag)::value;
        const float* __restrict__ g = block.g;
        float* __restrict__ d = diagonals;
        const UpdateCoefficients constants = c;
        each_weight<kOptimizer>(
            block, [&](int64_t i, float w, WeightState& state) __attribute__((always_inline)) {
              d[i] = advance_state<kOptimizer>(g[i], state, constants).value;
              return w;
            });
      });
}

BURIN_SIMD_CLONES
void move_block(const Block& block, float inverse, OptimizerKind optimizer,
                const UpdateCoefficients& c) {
  with_optimizer(
      optimizer, [&](auto tag) __attribute__((always_inline)) {
        constexpr OptimizerKind kOptimizer = decltype(tag)::value;
        const float* __restrict__ g = block.g;
        const UpdateCoefficients constants = c;
        each_weight<kOptimizer>(
            block, [&](int64_t i, float w, WeightState& state) __attribute__((always_inline)) {
              return moved_weight<kOptimizer>(w, g[i], state, inverse, constants);
            });
      });
}

// Element i goes to lane i % kRowLanes.
BURIN_SIMD_CLONES
void add_squares(const float* __restrict__ x, int64_t count, double* __restrict__ lanes) {
  const int64_t whole = count / kRowLanes * kRowLanes;
  for (int64_t i = 0; i < whole; i += kRowLanes) {
    for (int l = 0; l < kRowLanes; ++l) lanes[l] += double{x[i + l]} * double{x[i + l]};
  }
  for (int64_t i = whole; i < count; ++i) lanes[i - whole] += double{x[i]} * double{x[i]};
}

BURIN_SIMD_CLONES
void scale_row(float* __restrict__ w, int64_t count, float factor) {
  for (int64_t i = 0; i < count; ++i) w[i] *= factor;
}

double sum_of(double* lanes) {
  for (int half = kRowLanes / 2; half > 0; half /= 2) {
    for (int l = 0; l < half; ++l) lanes[l] += lanes[l + half];
  }
  return lanes[0];
}

void shrink(float* w, int64_t count, float factor) {
  if (factor == 0.0f) {
    std::fill(w, w + count, 0.0f);  // whatever the sign
  } else {
    scale_row(w, count, factor);
  }
}

bool all_zero(const float* w, int64_t count) {
  return std::all_of(w, w + count, [](float x) { return x == 0.0f; });
}

}  // namespace

void update_rows(const Flat& flat, const UpdateSegment& segment, int64_t first, int64_t rows,
                 OptimizerKind optimizer, const UpdateCoefficients& c) {
  const int64_t n = segment.row;
  const bool has_bias = segment.bias >= 0;
  const double elements = static_cast<double>(n + (has_bias ? 1 : 0));
  UpdateCoefficients of_bias = c;
  of_bias.kept = 1.0f;  // biases do not decay
  for (int64_t r = first; r < first + rows; ++r) {
    const int64_t begin = segment.begin + r * n;
    const bool dead = segment.keep_zeros && has_bias && all_zero(flat.w + begin, n);
    // f(block, coefficients, lane of its first element)
    const auto walk = [&](const auto& f) {
      for (int64_t done = 0; done < n; done += kBlock) {
        f(flat.block(begin + done, std::min(kBlock, n - done), segment.keep_zeros), c, 0);
      }
      if (has_bias) f(flat.block(segment.bias + r, 1, dead), of_bias, n % kRowLanes);
    };
    if (c.group == 0.0f) {
      walk([&](const Block& block, const UpdateCoefficients& coefficients, int64_t) {
        update_block(block, optimizer, coefficients);
      });
      continue;
    }
    double diagonal_squares[kRowLanes] = {};
    walk([&](const Block& block, const UpdateCoefficients& coefficients, int64_t lane) {
      float diagonals[kBlock];
      advance_block(block, diagonals, optimizer, coefficients);
      if (has_constant_diagonal(optimizer)) return;
      add_squares(diagonals, block.count, diagonal_squares + lane);
    });
    const RowDiagonal diagonal =
        row_diagonal(optimizer, sum_of(diagonal_squares), elements, c.diagonal);
    double squares[kRowLanes] = {};
    walk([&](const Block& block, const UpdateCoefficients& coefficients, int64_t lane) {
      move_block(block, diagonal.inverse, optimizer, coefficients);
      add_squares(block.w, block.count, squares + lane);
    });
    const float factor = row_factor(sum_of(squares), diagonal.value, elements, c.group);
    if (factor == 1.0f) continue;
    walk([&](const Block& block, const UpdateCoefficients&, int64_t) {
      shrink(block.w, block.count, factor);
    });
  }
}

}  // namespace burin::cpu
