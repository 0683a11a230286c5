// Vectors of 8 floats, and what code that is written over a vector type needs for the set: see
// vector_portable.h. For files that are compiled where those sets can be compiled.
#pragma once

#include <immintrin.h>

#define BURIN_VECTOR_TARGET __attribute__((target("avx2,fma")))
#define BURIN_VECTOR_INLINE BURIN_VECTOR_TARGET __attribute__((always_inline)) static inline

#include "kernels/common/vector_avx.h"

namespace burin::cpu::detail {
namespace {

using Vector = Vector8;

inline bool processor_runs_it() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

}  // namespace
}  // namespace burin::cpu::detail
