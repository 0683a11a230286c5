// A vector of floats in plain C++, for any processor. std::fma keeps the bits of the other sets: an
// instruction on ARM and its like, a (slow) library call on x86 processors of before 2013.
//
// Code that is written once over a vector type includes one of vector_portable.h, vector_avx2.h and
// vector_avx512.h, in a source file a set, and finds
//   BURIN_VECTOR_TARGET   the attribute that turns the set on for a function
//   Vector                Register, kWidth and the operations below
// All is in an unnamed namespace, so that no code of one set can be linked into another.
#pragma once

#include <cmath>
#include <cstdint>

#define BURIN_VECTOR_TARGET

namespace burin::cpu::detail {
namespace {

struct Vector {
  static constexpr int kWidth = 4;
  static constexpr int kTransposeBlock = 4;
  struct Register {
    float lane[kWidth];
  };

  static Register zero() { return broadcast(0.0f); }
  static Register broadcast(float x) { return {{x, x, x, x}}; }
  static Register load(const float* x) { return {{x[0], x[1], x[2], x[3]}}; }
  static void store(float* x, Register v) { store_some(x, v, kWidth); }
  // The first `count` floats, 0 <= count <= kWidth; zeros or `rest` behind them.
  static Register load_some(const float* x, int64_t count) {
    Register v = zero();
    for (int64_t i = 0; i < count; ++i) v.lane[i] = x[i];
    return v;
  }
  static Register load_some(const float* x, int64_t count, Register rest) {
    for (int64_t i = 0; i < count; ++i) rest.lane[i] = x[i];
    return rest;
  }
  static void store_some(float* x, Register v, int64_t count) {
    for (int64_t i = 0; i < count; ++i) x[i] = v.lane[i];
  }
  static Register fma(Register a, Register b, Register c) {
    for (int i = 0; i < kWidth; ++i) c.lane[i] = std::fma(a.lane[i], b.lane[i], c.lane[i]);
    return c;
  }
  static Register add(Register a, Register b) {
    for (int i = 0; i < kWidth; ++i) a.lane[i] += b.lane[i];
    return a;
  }
  static Register subtract(Register a, Register b) {
    for (int i = 0; i < kWidth; ++i) a.lane[i] -= b.lane[i];
    return a;
  }
  static Register multiply(Register a, Register b) {
    for (int i = 0; i < kWidth; ++i) a.lane[i] *= b.lane[i];
    return a;
  }
  // x > 0 ? a : b
  static Register if_positive(Register x, Register a, Register b) {
    for (int i = 0; i < kWidth; ++i) a.lane[i] = x.lane[i] > 0.0f ? a.lane[i] : b.lane[i];
    return a;
  }
  // Lane l + lane l + 2, then + 1.
  static float sum_by_halves(Register x) {
    return (x.lane[0] + x.lane[2]) + (x.lane[1] + x.lane[3]);
  }
  static void transpose(const float* x, int64_t ld_x, float* y, int64_t ld_y) {
    for (int p = 0; p < kTransposeBlock; ++p) {
      for (int j = 0; j < kTransposeBlock; ++j) y[p * ld_y + j] = x[j * ld_x + p];
    }
  }
};

}  // namespace
}  // namespace burin::cpu::detail
