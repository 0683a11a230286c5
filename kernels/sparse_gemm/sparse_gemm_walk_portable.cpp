#include <cmath>

#include "kernels/sparse_gemm/sparse_gemm_walk.h"

// Plain C++ for any processor. std::fma keeps the bits of the other sets.
#define BURIN_GEMM_TARGET
#define BURIN_GEMM_LOOP_TARGET BURIN_GEMM_TARGET

namespace burin::cpu::detail {
namespace {

struct Vector {
  static constexpr int kWidth = 4;
  struct Register {
    float lane[kWidth];
  };

  static Register zero() { return broadcast(0.0f); }
  static Register broadcast(float x) { return {{x, x, x, x}}; }
  static Register load(const float* x) { return {{x[0], x[1], x[2], x[3]}}; }
  static void store(float* x, Register v) {
    for (int i = 0; i < kWidth; ++i) x[i] = v.lane[i];
  }
  static Register fma(Register a, Register b, Register c) {
    for (int i = 0; i < kWidth; ++i) c.lane[i] = std::fma(a.lane[i], b.lane[i], c.lane[i]);
    return c;
  }
  static Register add(Register a, Register b) {
    for (int i = 0; i < kWidth; ++i) a.lane[i] += b.lane[i];
    return a;
  }
};

constexpr int kTurn = 4;
constexpr int kTogether = 2;
inline void turn_block(const float* x, int64_t ld_x, float* y, int64_t ld_y) {
  for (int p = 0; p < kTurn; ++p) {
    for (int j = 0; j < kTurn; ++j) y[p * ld_y + j] = x[j * ld_x + p];
  }
}

}  // namespace
}  // namespace burin::cpu::detail

#include "kernels/sparse_gemm/sparse_gemm_walk_impl.h"

namespace burin::cpu::detail {

const SparseWalk* sparse_walk_portable() {
  static const SparseWalk walk = {"portable", 2, {4, 16}, {walk_block<1>, walk_block<4>}};
  return &walk;
}

}  // namespace burin::cpu::detail
