// What tiles do to their sums through memory, written once over a vector type: bias, activation,
// derivative, accumulation. Included by gemm_microkernel_impl.h, which says what is defined before;
// what is done in registers is there.
#pragma once

#include <algorithm>

#include "kernels/gemm/gemm_microkernel.h"

namespace burin::cpu::detail {
namespace {

// sums[i] = activation(sums[i]); contiguous, so that the compiler vectorises it.
template <Activation kActivation>
BURIN_VECTOR_TARGET void activate(float* sums, int64_t count, float slope) {
  for (int64_t i = 0; i < count; ++i) sums[i] = apply_activation(kActivation, sums[i], slope);
}

template <Activation kActivation>
BURIN_VECTOR_TARGET void finish_sums(float* sums, int64_t ld_sums, int64_t rows, const Tile& t) {
  constexpr bool kCurved = kActivation == Activation::sigmoid || kActivation == Activation::tanh;
  const float slope = t.epilogue->slope;
  const bool accumulate = t.epilogue->accumulate;
  using Register = Vector::Register;
  const Register one = Vector::broadcast(1.0f);
  const Register slopes = Vector::broadcast(slope);
  if (kCurved && t.derivative == nullptr) {
    if (t.bias != nullptr) {
      for (int64_t i = 0; i < rows; ++i) {
        float* row = sums + i * ld_sums;
        for (int64_t j = 0; j < t.columns; ++j) row[j] += t.bias[j];
      }
    }
    activate<kActivation>(sums, (rows - 1) * ld_sums + t.columns, slope);
  }
  for (int64_t i = 0; i < rows; ++i) {
    const float* row = sums + i * ld_sums;
    float* c = t.c + i * t.ldc;
    const float* derivative = nullptr;
    if (t.derivative != nullptr) derivative = t.derivative + i * t.epilogue->ld_derivative;
    for (int64_t j = 0; j < t.columns; j += Vector::kWidth) {
      const int64_t count = std::min<int64_t>(Vector::kWidth, t.columns - j);
      Register v = Vector::load(row + j);
      if (derivative != nullptr) {
        const Register y = Vector::load_some(derivative + j, count);
        if (kActivation == Activation::leaky_relu) {
          v = Vector::multiply(v, Vector::if_positive(y, one, slopes));
        } else if (kActivation == Activation::sigmoid) {
          v = Vector::multiply(v, Vector::multiply(y, Vector::subtract(one, y)));
        } else if (kActivation == Activation::tanh) {
          v = Vector::multiply(v, Vector::multiply(Vector::subtract(one, y), Vector::add(one, y)));
        }
      } else if (!kCurved) {
        if (t.bias != nullptr) v = Vector::add(v, Vector::load_some(t.bias + j, count));
        if (kActivation == Activation::leaky_relu) {
          v = Vector::if_positive(v, v, Vector::multiply(slopes, v));
        }
      }
      if (accumulate) v = Vector::add(Vector::load_some(c + j, count), v);
      Vector::store_some(c + j, v, count);
    }
  }
}

// C[rows, kPanel] = activation(sums[rows, kPanel]), the bias being in the sums. A function of its
// own for all tiles of a width: their registers are free by then.
template <Activation kActivation, int kPanel>
BURIN_VECTOR_TARGET __attribute__((noinline)) void curve(const float* __restrict__ sums,
                                                         int64_t rows, float* __restrict__ c,
                                                         int64_t ldc) {
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < kPanel; ++j) {
      c[i * ldc + j] = apply_activation(kActivation, sums[i * kPanel + j], 0.0f);
    }
  }
}

BURIN_VECTOR_TARGET void finish(float* sums, int64_t ld_sums, int64_t rows, const Tile& t) {
  switch (t.epilogue->activation) {
    case Activation::none:
      return finish_sums<Activation::none>(sums, ld_sums, rows, t);
    case Activation::leaky_relu:
      return finish_sums<Activation::leaky_relu>(sums, ld_sums, rows, t);
    case Activation::sigmoid:
      return finish_sums<Activation::sigmoid>(sums, ld_sums, rows, t);
    case Activation::tanh:
      return finish_sums<Activation::tanh>(sums, ld_sums, rows, t);
  }
}

}  // namespace
}  // namespace burin::cpu::detail
