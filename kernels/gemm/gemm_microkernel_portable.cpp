#include "kernels/common/vector_portable.h"
#include "kernels/gemm/gemm_microkernel.h"

namespace burin::cpu::detail {
namespace {

constexpr int kRows = 4;
constexpr int kVectors = 4;
constexpr int kDotSums = 8;

using Narrow = Vector;

}  // namespace
}  // namespace burin::cpu::detail

#include "kernels/gemm/gemm_microkernel_impl.h"

namespace burin::cpu::detail {

const MicroKernel* microkernel_portable() {
  static const MicroKernel kernel = make_kernel("portable");
  return &kernel;
}

}  // namespace burin::cpu::detail
