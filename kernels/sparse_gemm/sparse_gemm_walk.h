// Inside the room: what the driver (sparse_gemm_cpu.cpp) asks of an instruction set. Each set is
// one file, sparse_gemm_walk_<set>.cpp, that instantiates sparse_gemm_walk_impl.h with its vector
// type.
#pragma once

#include "kernels/sparse_gemm/sparse_gemm.h"

namespace burin::cpu::detail {

// Rows of X that a walk along the weights makes together, at the most.
inline constexpr int kMaxLanes = 32;  // with more a panel no longer fits the first level cache
inline constexpr int kWalkShapes = 2;

// One block: rows of X and Y, at most `lanes` of the walk that is called.
struct WalkBlock {
  const SparseMatrix* w;
  const float* x;  // [rows, w->cols], ldx apart
  int64_t ldx;
  int64_t rows;
  float* y;  // [rows, w->rows], ldy apart
  int64_t ldy;
  const float* bias;
  Activation activation;
  float slope;
  float* panel;  // workspace [w->cols, lanes], on 64 bytes
};

struct SparseWalk {
  const char* name;  // as gemm_instruction_set()
  int shapes;        // numbers of lanes, rising
  int lanes[kWalkShapes];
  void (*walk[kWalkShapes])(const WalkBlock&);
};

// Null if the build or the processor lacks the set; the portable one is always there.
const SparseWalk* sparse_walk_avx512();
const SparseWalk* sparse_walk_avx2();
const SparseWalk* sparse_walk_portable();

// sparse_gemm on a chosen set, for the tests.
void sparse_gemm_on(const SparseWalk& walk, const SparseMatrix& w, const float* x, int64_t ldx,
                    int64_t m, float* y, int64_t ldy, const float* bias, Activation activation,
                    float slope);

}  // namespace burin::cpu::detail
