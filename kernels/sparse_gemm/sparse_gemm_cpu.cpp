#include <algorithm>
#include <string_view>

#include "kernels/common/parallel.h"
#include "kernels/gemm/gemm.h"
#include "kernels/sparse_gemm/sparse_gemm.h"
#include "kernels/sparse_gemm/sparse_gemm_walk.h"

namespace burin::cpu {
namespace detail {
namespace {

// A thread's own: a block of X, turned over.
alignas(64) thread_local float walk_panel[SparseMatrix::kMaxCols * kMaxLanes];

const SparseWalk& chosen_walk() {
  static const SparseWalk& walk = []() -> const SparseWalk& {
    const std::string_view wish = gemm_instruction_set();
    const SparseWalk* best = nullptr;
    if (wish == "avx512") best = sparse_walk_avx512();
    if (wish == "avx2") best = sparse_walk_avx2();
    return best != nullptr ? *best : *sparse_walk_portable();
  }();
  return walk;
}

}  // namespace

void sparse_gemm_on(const SparseWalk& walk, const SparseMatrix& w, const float* x, int64_t ldx,
                    int64_t m, float* y, int64_t ldy, const float* bias, Activation activation,
                    float slope) {
  if (m == 0 || w.rows == 0) return;
  const int64_t widest = walk.lanes[walk.shapes - 1];
  parallel_for((m + widest - 1) / widest, 1, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin * widest; row < std::min(end * widest, m);) {
      const int64_t left = std::min(end * widest, m) - row;
      // The narrowest that takes all that are left, else the widest.
      int shape = 0;
      while (shape + 1 < walk.shapes && walk.lanes[shape] < left) ++shape;
      const int64_t rows = std::min<int64_t>(left, walk.lanes[shape]);
      walk.walk[shape](
          {&w, x + row * ldx, ldx, rows, y + row * ldy, ldy, bias, activation, slope, walk_panel});
      row += rows;
    }
  });
}

}  // namespace detail

void sparse_gemm(const SparseMatrix& w, const float* x, int64_t ldx, int64_t m, float* y,
                 int64_t ldy, const float* bias, Activation activation, float slope, Stream) {
  detail::sparse_gemm_on(detail::chosen_walk(), w, x, ldx, m, y, ldy, bias, activation, slope);
}

}  // namespace burin::cpu
