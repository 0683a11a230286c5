#include "kernels/sparse_gemm/sparse_gemm_walk.h"

#if defined(BURIN_SIMD) && defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>

#define BURIN_GEMM_TARGET __attribute__((target("avx2,fma")))
#define BURIN_GEMM_LOOP_TARGET BURIN_GEMM_TARGET
#define BURIN_GEMM_INLINE BURIN_GEMM_TARGET __attribute__((always_inline)) static inline

#include "kernels/gemm/gemm_vector_avx.h"

namespace burin::cpu::detail {
namespace {

using Vector = Vector8;

constexpr int kTurn = 8;
constexpr int kTogether = 2;
BURIN_GEMM_INLINE void turn_block(const float* x, int64_t ld_x, float* y, int64_t ld_y) {
  Vector8::transpose(x, ld_x, y, ld_y);
}

}  // namespace
}  // namespace burin::cpu::detail

#include "kernels/sparse_gemm/sparse_gemm_walk_impl.h"

namespace burin::cpu::detail {

const SparseWalk* sparse_walk_avx2() {
  static const SparseWalk walk = {"avx2", 2, {8, 32}, {walk_block<1>, walk_block<4>}};
  const bool runs = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  return runs ? &walk : nullptr;
}

}  // namespace burin::cpu::detail

#else

const burin::cpu::detail::SparseWalk* burin::cpu::detail::sparse_walk_avx2() {
  return nullptr;
}

#endif
