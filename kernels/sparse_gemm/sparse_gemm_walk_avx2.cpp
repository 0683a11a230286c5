#include "kernels/sparse_gemm/sparse_gemm_walk.h"

#if defined(BURIN_SIMD) && defined(__x86_64__) && defined(__GNUC__)

#include "kernels/common/vector_avx2.h"

namespace burin::cpu::detail {
namespace {
constexpr int kTogether = 2;
}
}  // namespace burin::cpu::detail

#include "kernels/sparse_gemm/sparse_gemm_walk_impl.h"

namespace burin::cpu::detail {

const SparseWalk* sparse_walk_avx2() {
  static const SparseWalk walk = {"avx2", 2, {8, 32}, {walk_block<1>, walk_block<4>}};
  return processor_runs_it() ? &walk : nullptr;
}

}  // namespace burin::cpu::detail

#else

const burin::cpu::detail::SparseWalk* burin::cpu::detail::sparse_walk_avx2() {
  return nullptr;
}

#endif
