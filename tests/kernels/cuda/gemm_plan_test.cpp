// Plans of the matrix product on the GPU: what is chosen, and what is refused. Needs no device.
#include <gtest/gtest.h>

#include <stdexcept>

#include "kernels/gemm/gemm_rungs.h"

namespace burin::test {
namespace {

using cuda::GemmPlan;
using cuda::GemmPrecision;
using cuda::GemmRung;
using cuda::GemmTile;

// Plans are judged before anything is launched.
TEST(GemmCudaPlans, OnesThatDoNotExistAreRefused) {
  const auto run = [](const GemmPlan& plan) {
    cuda::gemm_with(plan, false, false, 0, 4, 100, nullptr, 100, nullptr, 4, nullptr, 4, {}, {});
  };
  EXPECT_THROW(run({GemmRung::tiled, GemmPrecision::tf32}), std::invalid_argument);
  EXPECT_THROW(run({GemmRung::naive, GemmPrecision::bf16}), std::invalid_argument);
  EXPECT_THROW(run({GemmRung::tensor, GemmPrecision::fp32}), std::invalid_argument);
  EXPECT_THROW(run({GemmRung::vector}), std::invalid_argument);
  EXPECT_THROW(run({GemmRung::naive, GemmPrecision::fp32, GemmTile::automatic, 2}),
               std::invalid_argument);
  EXPECT_THROW(run({GemmRung::tiled, GemmPrecision::fp32, GemmTile::automatic, 2}),
               std::invalid_argument);
  EXPECT_THROW(run({GemmRung::tiled, GemmPrecision::fp32, GemmTile::automatic, 0}),
               std::invalid_argument);
  EXPECT_NO_THROW(run({GemmRung::tiled}));
}

TEST(GemmCudaPlans, CublasIsThere) {
  if (!cuda::gemm_cublas_missing().empty()) GTEST_SKIP() << cuda::gemm_cublas_missing();
  const GemmPlan plan{GemmRung::cublas, GemmPrecision::tf32};
  EXPECT_EQ(cuda::gemm_workspace(plan, 5, 7, 100), 5 * 7);
  GemmEpilogue epilogue;
  epilogue.activation = Activation::tanh;
  const float bias = 0.0f;
  epilogue.bias = &bias;
  EXPECT_THROW(cuda::gemm_with(plan, false, false, 1, 1, 0, nullptr, 1, nullptr, 1, nullptr, 1,
                               epilogue, {}),
               std::invalid_argument);
  GemmPlan split = plan;
  split.splits = 2;
  EXPECT_THROW(
      cuda::gemm_with(split, false, false, 1, 1, 100, nullptr, 100, nullptr, 1, nullptr, 1, {}, {}),
      std::invalid_argument);
}

TEST(GemmCudaPlans, SplitsComeFromTheShapeAlone) {
  const auto split = [](int splits) {
    return GemmPlan{GemmRung::tiled, GemmPrecision::fp32, GemmTile::automatic, splits};
  };
  EXPECT_EQ(cuda::gemm_splits(128, 784, 400), 3);
  EXPECT_EQ(cuda::gemm_splits(4096, 4096, 4096), 1);
  EXPECT_EQ(cuda::gemm_splits(64, 64, 255), 1);
  EXPECT_GT(cuda::gemm_splits(20, 64, 8192), 16);
  EXPECT_EQ(cuda::gemm_workspace(split(1), 5, 7, 100), 0);
  EXPECT_EQ(cuda::gemm_workspace(split(2), 5, 7, 100), 2 * 5 * (7 + 1));
  EXPECT_EQ(cuda::gemm_workspace(split(8), 5, 7, 100),
            4 * 5 * (7 + 1));  // ranges are multiples of 32
  EXPECT_EQ(cuda::gemm_plan(GemmPrecision::fp32, false, true, 9, 1).rung, GemmRung::vector);
  EXPECT_EQ(cuda::gemm_plan(GemmPrecision::fp32, true, false, 9, 1).rung, GemmRung::tiled);
  EXPECT_EQ(cuda::gemm_plan(GemmPrecision::bf16, false, true, 9, 1).rung, GemmRung::tensor);
}

}  // namespace
}  // namespace burin::test
