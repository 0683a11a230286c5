#include "kernels/sparse_gemm/sparse_gemm_walk.h"

#if defined(BURIN_SIMD) && defined(__x86_64__) && defined(__GNUC__)

#include "kernels/common/vector_avx512.h"

namespace burin::cpu::detail {
namespace {
constexpr int kTogether = 4;
}
}  // namespace burin::cpu::detail

#include "kernels/sparse_gemm/sparse_gemm_walk_impl.h"

namespace burin::cpu::detail {

const SparseWalk* sparse_walk_avx512() {
  static const SparseWalk walk = {"avx512", 2, {16, 32}, {walk_block<1>, walk_block<2>}};
  return processor_runs_it() ? &walk : nullptr;
}

}  // namespace burin::cpu::detail

#else

const burin::cpu::detail::SparseWalk* burin::cpu::detail::sparse_walk_avx512() {
  return nullptr;
}

#endif
