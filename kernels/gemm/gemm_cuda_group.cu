// The doors of several products in one launch.
#include "kernels/gemm/gemm_cuda.cuh"

namespace burin::cuda {
namespace {

void launch(GemmPrecision precision, GemmTile tile, detail::Group& group, Stream stream) {
  if (group.count == 0) return;
  const auto queue = static_cast<cudaStream_t>(stream.handle);
  switch (precision) {
    case GemmPrecision::fp32:
      detail::multiply_tiled_group(group, tile, queue);
      break;
    case GemmPrecision::tf32:
      detail::multiply_tf32_group(group, tile, queue);
      break;
    case GemmPrecision::bf16:
      detail::multiply_bf16_group(group, tile, queue);
      break;
  }
  group.count = 0;
}

// The products that there are kernels for in as few launches as can be, and the others as they
// come, by plan_of(product).
template <class PlanOf>
void multiply(GemmPrecision precision, GemmTile tile, const GemmProduct* products, int64_t count,
              const PlanOf& plan_of, Stream stream) {
  detail::Group group{};
  for (int64_t i = 0; i < count; ++i) {
    const GemmProduct& x = products[i];
    if (x.transpose_a != detail::Group::kTransposeA ||
        x.transpose_b != detail::Group::kTransposeB) {
      gemm_with(plan_of(x), x.transpose_a, x.transpose_b, x.m, x.n, x.k, x.a, x.lda, x.b, x.ldb,
                x.c, x.ldc, x.epilogue, stream);
      continue;
    }
    if (x.m == 0 || (x.n == 0 && x.epilogue.row_sum == nullptr)) continue;
    group.products[group.count++] = detail::product_of(x, 1);
    if (group.count == kMaxGroup) launch(precision, tile, group, stream);
  }
  launch(precision, tile, group, stream);
}

}  // namespace

void gemm_group_with(GemmPrecision precision, GemmTile tile, const GemmProduct* products,
                     int64_t count, Stream stream) {
  GemmPlan plan;
  plan.rung = precision == GemmPrecision::fp32 ? GemmRung::tiled : GemmRung::tensor;
  plan.precision = precision;
  plan.tile = tile;
  multiply(
      precision, tile, products, count, [&](const GemmProduct&) { return plan; }, stream);
}

// No product of the group's kernels is matrix times vector by the contract of gemm.
void gemm_group(const GemmProduct* products, int64_t count, Stream stream) {
  multiply(
      GemmPrecision::fp32, GemmTile::automatic, products, count,
      [](const GemmProduct& x) {
        return gemm_plan(GemmPrecision::fp32, x.transpose_a, x.transpose_b, x.m, x.n);
      },
      stream);
}

}  // namespace burin::cuda
