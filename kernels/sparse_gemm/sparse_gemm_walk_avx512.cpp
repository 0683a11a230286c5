#include "kernels/sparse_gemm/sparse_gemm_walk.h"

#if defined(BURIN_SIMD) && defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>

#define BURIN_GEMM_TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")))
// Divisions of 512 bits take longer than two of 256.
#define BURIN_GEMM_LOOP_TARGET \
  __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,prefer-vector-width=256")))
#define BURIN_GEMM_INLINE BURIN_GEMM_TARGET __attribute__((always_inline)) static inline

#include "kernels/gemm/gemm_vector_avx.h"

namespace burin::cpu::detail {
namespace {

struct Vector {
  using Register = __m512;
  static constexpr int kWidth = 16;

  BURIN_GEMM_INLINE Register zero() { return _mm512_setzero_ps(); }
  BURIN_GEMM_INLINE Register broadcast(float x) { return _mm512_set1_ps(x); }
  BURIN_GEMM_INLINE Register load(const float* x) { return _mm512_loadu_ps(x); }
  BURIN_GEMM_INLINE void store(float* x, Register v) { _mm512_storeu_ps(x, v); }
  BURIN_GEMM_INLINE Register fma(Register a, Register b, Register c) {
    return _mm512_fmadd_ps(a, b, c);
  }
  BURIN_GEMM_INLINE Register add(Register a, Register b) { return _mm512_add_ps(a, b); }
};

constexpr int kTurn = 8;
constexpr int kTogether = 4;
BURIN_GEMM_INLINE void turn_block(const float* x, int64_t ld_x, float* y, int64_t ld_y) {
  Vector8::transpose(x, ld_x, y, ld_y);
}

}  // namespace
}  // namespace burin::cpu::detail

#include "kernels/sparse_gemm/sparse_gemm_walk_impl.h"

namespace burin::cpu::detail {

const SparseWalk* sparse_walk_avx512() {
  static const SparseWalk walk = {"avx512", 2, {16, 32}, {walk_block<1>, walk_block<2>}};
  const bool runs = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                    __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                    __builtin_cpu_supports("fma");
  return runs ? &walk : nullptr;
}

}  // namespace burin::cpu::detail

#else

const burin::cpu::detail::SparseWalk* burin::cpu::detail::sparse_walk_avx512() {
  return nullptr;
}

#endif
