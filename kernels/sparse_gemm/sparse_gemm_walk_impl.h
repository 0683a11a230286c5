// The walks along the weights, written once over a vector type. Included by one file an instruction
// set, which defines before it
//   what vector_portable.h, vector_avx2.h or vector_avx512.h has
//   kTogether           rows of weights that are walked together
// Everything here is in an unnamed namespace and carries the attribute, so that no code of one set
// can be linked into another.
#pragma once

#include <algorithm>

#include "kernels/sparse_gemm/sparse_gemm_walk.h"

namespace burin::cpu::detail {
namespace {

constexpr int kTurn = Vector::kTransposeBlock;
constexpr int64_t kOutputs = 16;  // finished together: a cache line of each row of Y

// to[p * ld_to + j] = from[j * ld_from + p] for j < rows, p < columns.
BURIN_VECTOR_TARGET void turn(const float* from, int64_t ld_from, int64_t rows, int64_t columns,
                              float* to, int64_t ld_to) {
  int64_t p = 0;
  for (; p + kTurn <= columns; p += kTurn) {
    int64_t j = 0;
    for (; j + kTurn <= rows; j += kTurn) {
      Vector::transpose(from + j * ld_from + p, ld_from, to + p * ld_to + j, ld_to);
    }
    for (; j < rows; ++j) {
      for (int64_t i = p; i < p + kTurn; ++i) to[i * ld_to + j] = from[j * ld_from + i];
    }
  }
  for (; p < columns; ++p) {
    for (int64_t j = 0; j < rows; ++j) to[p * ld_to + j] = from[j * ld_from + p];
  }
}

template <Activation kActivation>
BURIN_VECTOR_TARGET void activate_sums(float* sums, int64_t count, float slope) {
  for (int64_t i = 0; i < count; ++i) sums[i] = apply_activation(kActivation, sums[i], slope);
}

BURIN_VECTOR_TARGET void activate_all(Activation activation, float* sums, int64_t count,
                                      float slope) {
  switch (activation) {
    case Activation::none:
      return;
    case Activation::leaky_relu:
      return activate_sums<Activation::leaky_relu>(sums, count, slope);
    case Activation::sigmoid:
      return activate_sums<Activation::sigmoid>(sums, count, slope);
    case Activation::tanh:
      return activate_sums<Activation::tanh>(sums, count, slope);
  }
}

// sums[kR, kLanes] of the weights' rows from `row` on, with their bias. The rows are walked
// together as far as the shortest goes: a chain of sums alone would wait for itself.
template <int kV, int kR>
BURIN_VECTOR_TARGET void walk_rows(const WalkBlock& b, int64_t row, float* sums) {
  using Register = Vector::Register;
  constexpr int64_t kLanes = kV * Vector::kWidth;
  const SparseMatrix& w = *b.w;
  const float* const panel = b.panel;
  Register sum[kR][kV];
  const float* value[kR];
  const uint16_t* column[kR];
  int64_t count[kR];
  int64_t common = w.starts[row + 1] - w.starts[row];
#pragma GCC unroll 8
  for (int i = 0; i < kR; ++i) {
#pragma GCC unroll 8
    for (int j = 0; j < kV; ++j) sum[i][j] = Vector::zero();
    value[i] = w.values + w.starts[row + i];
    column[i] = w.columns + w.starts[row + i];
    count[i] = w.starts[row + i + 1] - w.starts[row + i];
    common = std::min(common, count[i]);
  }
  const auto add = [&](int i, int64_t t) __attribute__((always_inline)) BURIN_VECTOR_TARGET {
    const Register factor = Vector::broadcast(value[i][t]);
    const float* x = panel + int64_t{column[i][t]} * kLanes;
#pragma GCC unroll 8
    for (int j = 0; j < kV; ++j) {
      sum[i][j] = Vector::fma(factor, Vector::load(x + j * Vector::kWidth), sum[i][j]);
    }
  };
  for (int64_t t = 0; t < common; ++t) {
#pragma GCC unroll 8
    for (int i = 0; i < kR; ++i) add(i, t);
  }
#pragma GCC unroll 8
  for (int i = 0; i < kR; ++i) {
    for (int64_t u = common; u < count[i]; ++u) add(i, u);
    // s + -0 is s, for both zeros.
    const Register bias = Vector::broadcast(b.bias != nullptr ? b.bias[row + i] : -0.0f);
#pragma GCC unroll 8
    for (int j = 0; j < kV; ++j) {
      Vector::store(sums + i * kLanes + j * Vector::kWidth, Vector::add(sum[i][j], bias));
    }
  }
}

template <int kV>
BURIN_VECTOR_TARGET void walk_block(const WalkBlock& b) {
  constexpr int64_t kLanes = kV * Vector::kWidth;
  static_assert(kLanes <= kMaxLanes);
  const SparseMatrix& w = *b.w;
  float* const panel = b.panel;
  if (b.rows < kLanes) {  // lanes without a row compute with zeros
    for (int64_t p = 0; p < w.cols; ++p) std::fill_n(panel + p * kLanes, kLanes, 0.0f);
  }
  turn(b.x, b.ldx, b.rows, w.cols, panel, kLanes);
  alignas(64) float sums[kOutputs * kLanes];
  for (int64_t first = 0; first < w.rows; first += kOutputs) {
    const int64_t outputs = std::min(kOutputs, w.rows - first);
    int64_t o = 0;
    for (; o + kTogether <= outputs; o += kTogether) {
      walk_rows<kV, kTogether>(b, first + o, sums + o * kLanes);
    }
    for (; o < outputs; ++o) walk_rows<kV, 1>(b, first + o, sums + o * kLanes);
    activate_all(b.activation, sums, outputs * kLanes, b.slope);
    turn(sums, kLanes, outputs, b.rows, b.y + first, b.ldy);
  }
}

}  // namespace
}  // namespace burin::cpu::detail
