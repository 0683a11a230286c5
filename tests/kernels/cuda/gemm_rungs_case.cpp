// The rungs of the matrix product on the GPU as cases: the same products as cuda::gemm's, each by
// its rung.
#include "kernels/gemm/gemm_rungs.h"

#include "tests/kernels/gemm_layer.h"

namespace burin::test::gemm_rungs_case {
namespace {

using cuda::GemmPlan;
using cuda::GemmPrecision;
using cuda::GemmRung;
using cuda::GemmTile;

void by_cpu(const LayerProduct& p, const float* a, const float* b, float* c,
            const GemmEpilogue& epilogue, const Call&) {
  cpu::gemm(p.transpose_a, p.transpose_b, p.m, p.n, p.k, a, stored_a(p), b, stored_b(p), c, p.n,
            epilogue, {});
}

// The workspace, if there is one, is the last argument.
LayerCall by(const GemmPlan& plan) {
  return [=](const LayerProduct& p, const float* a, const float* b, float* c,
             const GemmEpilogue& epilogue, const Call& call) {
    GemmPlan with = plan;
    const bool takes_workspace = plan.splits > 1 || plan.rung == GemmRung::cublas;
    if (takes_workspace) with.workspace = call[call.addresses.size() - 1];
    cuda::gemm_with(with, p.transpose_a, p.transpose_b, p.m, p.n, p.k, a, stored_a(p), b,
                    stored_b(p), c, p.n, epilogue, {});
  };
}

Argument workspace(const GemmPlan& plan) {
  return output("workspace")
      .count([=](const Dims& d) {
        int64_t floats = 0;
        for (const auto product : {forward_product, input_product, weight_product}) {
          const LayerProduct p = product(d);
          floats = std::max(floats, cuda::gemm_workspace(plan, p.m, p.n, p.k));
        }
        return floats;
      })
      .bytes_moved([](const Dims&) { return int64_t{0}; })
      .compared_elsewhere();
}

bool declare_all() {
  constexpr int kSplits = 4;
  constexpr double kOrder = 4 * kEpsilon;  // the same terms, added in another order
  // Each factor is rounded to 11 or 8 bits: half a unit of each.
  constexpr double kTf32 = 2 * 0x1p-11 * 1.01, kBf16 = 2 * 0x1p-8 * 1.01;
  const auto declare_plan = [](const char* name, const GemmPlan& plan, double rounding) {
    LayerRung rung{name, by(plan), by_cpu, rounding};
    const bool takes_workspace = plan.splits > 1 || plan.rung == GemmRung::cublas;
    if (takes_workspace) rung.more = {workspace(plan)};
    return declare_layer(rung);
  };
  return declare_plan("gemm/naive", {GemmRung::naive}, kOrder) &&
         declare_plan("gemm/tf32", {GemmRung::tensor, GemmPrecision::tf32}, kTf32) &&
         declare_plan("gemm/bf16", {GemmRung::tensor, GemmPrecision::bf16}, kBf16) &&
         declare_plan("gemm/split",
                      {GemmRung::tiled, GemmPrecision::fp32, GemmTile::automatic, kSplits},
                      kOrder) &&
         // Where it is missing gemm_plan_test.cpp says so, by a skipped test.
         (!cuda::gemm_cublas_missing().empty() ||
          (declare_plan("gemm/cublas", {GemmRung::cublas}, kOrder) &&
           declare_plan("gemm/cublas_tf32", {GemmRung::cublas, GemmPrecision::tf32}, kTf32) &&
           declare_plan("gemm/cublas_bf16", {GemmRung::cublas, GemmPrecision::bf16}, kBf16)));
}

const bool declared = declare_all();

}  // namespace
}  // namespace burin::test::gemm_rungs_case
