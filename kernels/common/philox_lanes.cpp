#include "kernels/common/philox_lanes.h"

#include "kernels/common/simd.h"

#if defined(BURIN_SIMD) && defined(__x86_64__) && defined(__GNUC__)
#include "kernels/common/vector_avx512.h"
#define BURIN_PHILOX_AVX512 1
#endif

// Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (SC 2011), section 3.3: Philox-4x32 of
// ten rounds, as in philox.h.
//
// Each 32-bit word travels in a 64-bit lane whose upper half is rubbish: a product is then used as
// it comes, with no shuffling between 32- and 64-bit lanes.
namespace burin::cpu {
namespace {

using burin::detail::kPhiloxMultiplier0;
using burin::detail::kPhiloxMultiplier1;
using burin::detail::kPhiloxWeyl0;
using burin::detail::kPhiloxWeyl1;

constexpr int kRounds = 10;

BURIN_SIMD_CLONES
void fill_by_compiler(const PhiloxPosition& position, const uint32_t* __restrict__ blocks,
                      PhiloxTile& tile) {
  const uint32_t key0 = static_cast<uint32_t>(position.seed);
  const uint32_t key1 = static_cast<uint32_t>(position.seed >> 32);
  const uint64_t step = position.step;
  const uint64_t stream = position.stream;
  for (int lane = 0; lane < kPhiloxLanes; ++lane) {
    uint64_t c0 = blocks[lane];
    uint64_t c1 = step;
    uint64_t c2 = step >> 32;
    uint64_t c3 = stream;
#pragma GCC unroll 10
    for (uint32_t r = 0; r < kRounds; ++r) {
      const uint64_t product0 = uint64_t{static_cast<uint32_t>(c0)} * kPhiloxMultiplier0;
      const uint64_t product1 = uint64_t{static_cast<uint32_t>(c2)} * kPhiloxMultiplier1;
      c0 = (product1 >> 32) ^ c1 ^ (key0 + r * kPhiloxWeyl0);
      c1 = product1;
      c2 = (product0 >> 32) ^ c3 ^ (key1 + r * kPhiloxWeyl1);
      c3 = product0;
    }
    tile.word[0][lane] = static_cast<uint32_t>(c0);
    tile.word[1][lane] = static_cast<uint32_t>(c1);
    tile.word[2][lane] = static_cast<uint32_t>(c2);
    tile.word[3][lane] = static_cast<uint32_t>(c3);
  }
}

#ifdef BURIN_PHILOX_AVX512

BURIN_VECTOR_INLINE __m512i all(uint64_t word) {
  return _mm512_set1_epi64(static_cast<long long>(word));
}

// By hand, because the compiler takes the product of whole 64-bit lanes (vpmullq, three
// micro-operations, and a mask before it) where that of their lower halves is wanted (vpmuludq).
BURIN_VECTOR_TARGET void fill_avx512(const PhiloxPosition& position, const uint32_t* blocks,
                                     PhiloxTile& tile) {
  constexpr __mmask8 kAll = 0xff;  // GCC 12 warns of its own header's unmasked forms
  constexpr int kVectors = 4;      // in hand at once, so that their products overlap
  constexpr int kWidth = 8;        // blocks a vector
  static_assert(kPhiloxLanes % (kVectors * kWidth) == 0);
  const __m512i multiplier0 = all(kPhiloxMultiplier0);
  const __m512i multiplier1 = all(kPhiloxMultiplier1);
  for (int lane = 0; lane < kPhiloxLanes; lane += kVectors * kWidth) {
    __m512i c[4][kVectors];
    for (int v = 0; v < kVectors; ++v) {
      c[0][v] = _mm512_maskz_cvtepu32_epi64(
          kAll, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(blocks + lane + v * kWidth)));
      c[1][v] = all(position.step);
      c[2][v] = all(position.step >> 32);
      c[3][v] = all(position.stream);
    }
    uint32_t key0 = static_cast<uint32_t>(position.seed);
    uint32_t key1 = static_cast<uint32_t>(position.seed >> 32);
    for (int r = 0; r < kRounds; ++r, key0 += kPhiloxWeyl0, key1 += kPhiloxWeyl1) {
      const __m512i keys0 = all(key0);
      const __m512i keys1 = all(key1);
      constexpr int kXorOfThree = 0x96;
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        const __m512i product0 = _mm512_maskz_mul_epu32(kAll, c[0][v], multiplier0);
        const __m512i product1 = _mm512_maskz_mul_epu32(kAll, c[2][v], multiplier1);
        c[0][v] = _mm512_ternarylogic_epi64(_mm512_maskz_srli_epi64(kAll, product1, 32), c[1][v],
                                            keys0, kXorOfThree);
        c[1][v] = product1;
        c[2][v] = _mm512_ternarylogic_epi64(_mm512_maskz_srli_epi64(kAll, product0, 32), c[3][v],
                                            keys1, kXorOfThree);
        c[3][v] = product0;
      }
    }
    for (int word = 0; word < 4; ++word) {
      for (int v = 0; v < kVectors; ++v) {
        _mm256_store_si256(reinterpret_cast<__m256i*>(&tile.word[word][lane + v * kWidth]),
                           _mm512_maskz_cvtepi64_epi32(kAll, c[word][v]));
      }
    }
  }
}

#endif

}  // namespace

namespace detail {

FillLanes philox_by_compiler() {
  return fill_by_compiler;
}

FillLanes philox_avx512() {
#ifdef BURIN_PHILOX_AVX512
  if (processor_runs_it()) return fill_avx512;
#endif
  return nullptr;
}

}  // namespace detail

void fill_listed(const PhiloxPosition& position, const uint32_t* blocks, PhiloxTile& tile) {
  static const detail::FillLanes fill = [] {
    const detail::FillLanes by_hand = detail::philox_avx512();
    return by_hand != nullptr ? by_hand : detail::philox_by_compiler();
  }();
  fill(position, blocks, tile);
}

}  // namespace burin::cpu
