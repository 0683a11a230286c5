#include "kernels/common/vector_portable.h"

namespace burin::cpu::detail {
namespace {
constexpr int kTogether = 2;
}
}  // namespace burin::cpu::detail

#include "kernels/sparse_gemm/sparse_gemm_walk_impl.h"

namespace burin::cpu::detail {

const SparseWalk* sparse_walk_portable() {
  static const SparseWalk walk = {"portable", 2, {4, 16}, {walk_block<1>, walk_block<4>}};
  return &walk;
}

}  // namespace burin::cpu::detail
