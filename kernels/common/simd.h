// Run-time choice of the instruction set for plain CPU loops.
#pragma once

// Put BURIN_SIMD_CLONES before a function that holds a hot loop: the compiler makes one version for
// AVX-512, one for AVX2 with FMA and a portable one, and the loader picks by the processor it
// finds. The loop must be in the function itself, not in a lambda that it calls: only the function
// is cloned. The build has -ffp-contract=off, so all versions give the same bits.
#if defined(BURIN_SIMD) && defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define BURIN_SIMD_CLONES \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define BURIN_SIMD_CLONES
#endif

// For what such a function calls in its loop: it must be compiled as part of each clone.
#if defined(__GNUC__)
#define BURIN_ALWAYS_INLINE [[gnu::always_inline]] inline
#else
#define BURIN_ALWAYS_INLINE inline
#endif
