// Vectors of 16 floats, and what code that is written over a vector type needs for the set: see
// vector_portable.h. For files that are compiled where those sets can be compiled.
#pragma once

#include <immintrin.h>

#define BURIN_VECTOR_TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")))
#define BURIN_VECTOR_INLINE BURIN_VECTOR_TARGET __attribute__((always_inline)) static inline

#include "kernels/common/vector_avx.h"

namespace burin::cpu::detail {
namespace {

struct Vector {
  using Register = __m512;
  static constexpr int kWidth = 16;
  static constexpr int kTransposeBlock = 8;

  BURIN_VECTOR_INLINE Register zero() { return _mm512_setzero_ps(); }
  BURIN_VECTOR_INLINE Register broadcast(float x) { return _mm512_set1_ps(x); }
  BURIN_VECTOR_INLINE Register load(const float* x) { return _mm512_loadu_ps(x); }
  BURIN_VECTOR_INLINE void store(float* x, Register v) { _mm512_storeu_ps(x, v); }
  // The first `count` floats, 0 <= count <= kWidth; zeros or `rest` behind them.
  BURIN_VECTOR_INLINE Register load_some(const float* x, int64_t count) {
    return _mm512_maskz_loadu_ps(mask(count), x);
  }
  BURIN_VECTOR_INLINE Register load_some(const float* x, int64_t count, Register rest) {
    return _mm512_mask_loadu_ps(rest, mask(count), x);
  }
  BURIN_VECTOR_INLINE void store_some(float* x, Register v, int64_t count) {
    _mm512_mask_storeu_ps(x, mask(count), v);
  }
  BURIN_VECTOR_INLINE Register fma(Register a, Register b, Register c) {
    return _mm512_fmadd_ps(a, b, c);
  }
  BURIN_VECTOR_INLINE Register add(Register a, Register b) { return _mm512_add_ps(a, b); }
  BURIN_VECTOR_INLINE Register subtract(Register a, Register b) { return _mm512_sub_ps(a, b); }
  BURIN_VECTOR_INLINE Register multiply(Register a, Register b) { return _mm512_mul_ps(a, b); }
  // x > 0 ? a : b
  BURIN_VECTOR_INLINE Register if_positive(Register x, Register a, Register b) {
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(x, zero(), _CMP_GT_OQ), b, a);
  }
  // Lane l + lane l + 8, then + 4, + 2, + 1.
  BURIN_VECTOR_INLINE float sum_by_halves(Register x) {
    const __m256 upper = _mm512_maskz_extractf32x8_ps(0xff, x, 1);
    return Vector8::sum_by_halves(_mm256_add_ps(_mm512_maskz_extractf32x8_ps(0xff, x, 0), upper));
  }
  BURIN_VECTOR_INLINE void transpose(const float* x, int64_t ld_x, float* y, int64_t ld_y) {
    Vector8::transpose(x, ld_x, y, ld_y);
  }

 private:
  BURIN_VECTOR_INLINE __mmask16 mask(int64_t count) {
    return static_cast<__mmask16>((1u << count) - 1u);
  }
};

inline bool processor_runs_it() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("fma");
}

}  // namespace
}  // namespace burin::cpu::detail
