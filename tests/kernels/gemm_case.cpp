#include "tests/kernels/gemm_layer.h"

namespace burin::test::gemm_case {
namespace {

template <class F>
LayerCall calling(F* gemm) {
  return [=](const LayerProduct& p, const float* a, const float* b, float* c,
             const GemmEpilogue& epilogue, const Call&) {
    gemm(p.transpose_a, p.transpose_b, p.m, p.n, p.k, a, stored_a(p), b, stored_b(p), c, p.n,
         epilogue, {});
  };
}

const bool declared = declare_layer(
    {.name = "gemm", .tested = calling(&twin::gemm), .reference = calling(&cpu::gemm)});

}  // namespace
}  // namespace burin::test::gemm_case
