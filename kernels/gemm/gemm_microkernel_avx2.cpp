#include "kernels/gemm/gemm_microkernel.h"

#if defined(BURIN_SIMD) && defined(__x86_64__) && defined(__GNUC__)

#include "kernels/common/vector_avx2.h"

namespace burin::cpu::detail {
namespace {

constexpr int kRows = 6;  // 12 sums, 2 vectors of the panel and a broadcast: 15 of 16 registers
constexpr int kVectors = 2;
constexpr int kDotSums = 8;

using Narrow = Vector4;

}  // namespace
}  // namespace burin::cpu::detail

#include "kernels/gemm/gemm_microkernel_impl.h"

namespace burin::cpu::detail {

const MicroKernel* microkernel_avx2() {
  static const MicroKernel kernel = make_kernel("avx2");
  return processor_runs_it() ? &kernel : nullptr;
}

}  // namespace burin::cpu::detail

#else

const burin::cpu::detail::MicroKernel* burin::cpu::detail::microkernel_avx2() {
  return nullptr;
}

#endif
