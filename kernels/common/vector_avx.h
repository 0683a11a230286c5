// Vectors of 8 and 4 floats. Included by vector_avx2.h and vector_avx512.h, which define
// BURIN_VECTOR_INLINE with their target.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace burin::cpu::detail {
namespace {

struct Vector4 {
  using Register = __m128;
  static constexpr int kWidth = 4;

  BURIN_VECTOR_INLINE Register zero() { return _mm_setzero_ps(); }
  BURIN_VECTOR_INLINE Register broadcast(float x) { return _mm_set1_ps(x); }
  BURIN_VECTOR_INLINE Register load(const float* x) { return _mm_loadu_ps(x); }
  BURIN_VECTOR_INLINE void store(float* x, Register v) { _mm_storeu_ps(x, v); }
  BURIN_VECTOR_INLINE Register load_some(const float* x, int64_t count) {
    const __m128i lane = _mm_setr_epi32(0, 1, 2, 3);
    const __m128i mask = _mm_cmpgt_epi32(_mm_set1_epi32(static_cast<int>(count)), lane);
    return _mm_maskload_ps(x, mask);
  }
  BURIN_VECTOR_INLINE Register fma(Register a, Register b, Register c) {
    return _mm_fmadd_ps(a, b, c);
  }
  BURIN_VECTOR_INLINE Register add(Register a, Register b) { return _mm_add_ps(a, b); }
  BURIN_VECTOR_INLINE Register multiply(Register a, Register b) { return _mm_mul_ps(a, b); }
  // x > 0 ? a : b
  BURIN_VECTOR_INLINE Register if_positive(Register x, Register a, Register b) {
    return _mm_blendv_ps(b, a, _mm_cmp_ps(x, zero(), _CMP_GT_OQ));
  }
  // Lane l + lane l + 2, then + 1.
  BURIN_VECTOR_INLINE float sum_by_halves(Register x) {
    const __m128 two = _mm_add_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
  }
};

struct Vector8 {
  using Register = __m256;
  static constexpr int kWidth = 8;
  static constexpr int kTransposeBlock = 8;

  BURIN_VECTOR_INLINE Register zero() { return _mm256_setzero_ps(); }
  BURIN_VECTOR_INLINE Register broadcast(float x) { return _mm256_set1_ps(x); }
  BURIN_VECTOR_INLINE Register load(const float* x) { return _mm256_loadu_ps(x); }
  BURIN_VECTOR_INLINE void store(float* x, Register v) { _mm256_storeu_ps(x, v); }
  // The first `count` floats, 0 <= count <= kWidth; zeros or `rest` behind them.
  BURIN_VECTOR_INLINE Register load_some(const float* x, int64_t count) {
    return count == kWidth ? load(x) : _mm256_maskload_ps(x, mask(count));
  }
  BURIN_VECTOR_INLINE Register load_some(const float* x, int64_t count, Register rest) {
    const __m256i some = mask(count);
    return _mm256_blendv_ps(rest, _mm256_maskload_ps(x, some), _mm256_castsi256_ps(some));
  }
  BURIN_VECTOR_INLINE void store_some(float* x, Register v, int64_t count) {
    if (count == kWidth) {
      store(x, v);
    } else {
      _mm256_maskstore_ps(x, mask(count), v);
    }
  }
  BURIN_VECTOR_INLINE Register fma(Register a, Register b, Register c) {
    return _mm256_fmadd_ps(a, b, c);
  }
  BURIN_VECTOR_INLINE Register add(Register a, Register b) { return _mm256_add_ps(a, b); }
  BURIN_VECTOR_INLINE Register subtract(Register a, Register b) { return _mm256_sub_ps(a, b); }
  BURIN_VECTOR_INLINE Register multiply(Register a, Register b) { return _mm256_mul_ps(a, b); }
  // x > 0 ? a : b
  BURIN_VECTOR_INLINE Register if_positive(Register x, Register a, Register b) {
    return _mm256_blendv_ps(b, a, _mm256_cmp_ps(x, zero(), _CMP_GT_OQ));
  }
  // Lane l + lane l + 4, then + 2, + 1.
  BURIN_VECTOR_INLINE float sum_by_halves(Register x) {
    return Vector4::sum_by_halves(
        _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1)));
  }
  // y[p * ld_y + j] = x[j * ld_x + p] for p, j < 8. The halves of two rows four apart are loaded
  // into one register, so that all that is left are exchanges within the halves.
  BURIN_VECTOR_INLINE void transpose(const float* x, int64_t ld_x, float* y, int64_t ld_y) {
    __m256 low[4], high[4];  // columns 0-3 and 4-7 of rows j and j + 4
    for (int j = 0; j < 4; ++j) {
      const float* upper = x + j * ld_x;
      const float* lower = x + (j + 4) * ld_x;
      low[j] =
          _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(upper)), _mm_loadu_ps(lower), 1);
      high[j] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(upper + 4)),
                                     _mm_loadu_ps(lower + 4), 1);
    }
    for (int h = 0; h < 2; ++h) {
      const __m256* row = h == 0 ? low : high;
      float* out = y + h * 4 * ld_y;
      const __m256 a = _mm256_unpacklo_ps(row[0], row[1]);
      const __m256 b = _mm256_unpacklo_ps(row[2], row[3]);
      const __m256 c = _mm256_unpackhi_ps(row[0], row[1]);
      const __m256 d = _mm256_unpackhi_ps(row[2], row[3]);
      _mm256_storeu_ps(out, _mm256_shuffle_ps(a, b, 0x44));
      _mm256_storeu_ps(out + ld_y, _mm256_shuffle_ps(a, b, 0xee));
      _mm256_storeu_ps(out + 2 * ld_y, _mm256_shuffle_ps(c, d, 0x44));
      _mm256_storeu_ps(out + 3 * ld_y, _mm256_shuffle_ps(c, d, 0xee));
    }
  }

 private:
  BURIN_VECTOR_INLINE __m256i mask(int64_t count) {
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), lane);
  }
};

}  // namespace
}  // namespace burin::cpu::detail
