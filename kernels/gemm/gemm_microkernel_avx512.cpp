#include "kernels/gemm/gemm_microkernel.h"

#if defined(BURIN_SIMD) && defined(__x86_64__) && defined(__GNUC__)

#include "kernels/common/vector_avx512.h"

namespace burin::cpu::detail {
namespace {

constexpr int kRows = 14;  // 28 sums, 2 vectors of the panel and a broadcast: 31 of 32 registers
constexpr int kVectors = 2;
constexpr int kDotSums = 16;

using Narrow = Vector8;

}  // namespace
}  // namespace burin::cpu::detail

#include "kernels/gemm/gemm_microkernel_impl.h"

namespace burin::cpu::detail {

const MicroKernel* microkernel_avx512() {
  static const MicroKernel kernel = make_kernel("avx512");
  return processor_runs_it() ? &kernel : nullptr;
}

}  // namespace burin::cpu::detail

#else

const burin::cpu::detail::MicroKernel* burin::cpu::detail::microkernel_avx512() {
  return nullptr;
}

#endif
