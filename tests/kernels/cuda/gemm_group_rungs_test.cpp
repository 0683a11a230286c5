// Products in a group on each rung: the bits of the rung, and by the software GPU's counters no
// more work than alone.
#include "kernels/gemm/gemm_rungs.h"

#include "tests/kernels/gemm_group.h"
#include "tests/support/counted_test.h"

namespace burin::test {
namespace {

using cuda::GemmPlan;
using cuda::GemmPrecision;
using cuda::GemmRung;
using cuda::GemmTile;

constexpr GemmPrecision kPrecisions[] = {GemmPrecision::fp32, GemmPrecision::tf32,
                                         GemmPrecision::bf16};

void by_plan(GemmPrecision precision, GemmTile tile, const GemmProduct& x) {
  const GemmRung rung = precision == GemmPrecision::fp32 ? GemmRung::tiled : GemmRung::tensor;
  cuda::gemm_with({rung, precision, tile}, x.transpose_a, x.transpose_b, x.m, x.n, x.k, x.a, x.lda,
                  x.b, x.ldb, x.c, x.ldc, x.epilogue, {});
}

class GemmGroupCuda : public TwinTest {};

TEST_F(GemmGroupCuda, EveryRungHasTheBitsOfItsProducts) {
  for (const GemmPrecision precision : kPrecisions) {
    for (const GemmTile tile : {GemmTile::automatic, GemmTile::small, GemmTile::large}) {
      SCOPED_TRACE(std::to_string(int(precision)) + ", tile " + std::to_string(int(tile)));
      for (const auto& shapes :
           {weight_gradients(14),
            std::vector<GroupShape>{std::begin(kMixedGroup), std::end(kMixedGroup)}}) {
        expect_group_is_singles(
            shapes,
            [&](const GemmProduct* products, int64_t count) {
              cuda::gemm_group_with(precision, tile, products, count, {});
            },
            [&](const GemmProduct& x) { by_plan(precision, tile, x); });
      }
    }
  }
}

class GemmGroupBounds : public CountedTest {
 protected:
  static std::vector<KernelCount> count(GemmPrecision precision,
                                        const std::vector<GemmProduct>& products) {
    reset_counters();
    cuda::gemm_group_with(precision, GemmTile::automatic, products.data(), int64_t(products.size()),
                          {});
    return kernel_counts();
  }
};

// The gradients of a critic's weights: one launch, and what the products move and issue alone.
TEST_F(GemmGroupBounds, OneLaunchMovesNoMoreThanItsProductsAlone) {
  const GroupMembers members = members_of({{256, 784, 256}, {256, 256, 256}, {1, 256, 256}});
  const std::vector<GemmProduct> products = products_of(members);
  for (const GemmPrecision precision : kPrecisions) {
    reset_counters();
    for (const GemmProduct& x : products) by_plan(precision, GemmTile::small, x);
    const KernelCount alone = total_count();
    const std::vector<KernelCount> counts = count(precision, products);
    ASSERT_EQ(counts.size(), 1u);
    const KernelCount& group = counts.front();
    EXPECT_EQ(group.launches, 1) << group.kernel;
    EXPECT_EQ(alone.launches, 3);
    EXPECT_EQ(group.blocks, alone.blocks) << group.kernel;
    EXPECT_GT(group.sectors(), 0) << group.kernel;
    EXPECT_LE(group.load_sectors, alone.load_sectors) << group.kernel;
    EXPECT_LE(group.store_sectors, alone.store_sectors) << group.kernel;
    EXPECT_EQ(group.matrix_products, alone.matrix_products) << group.kernel;
    // About 150 a thread to find its product and to read it where it is.
    EXPECT_LE(double(group.instructions), 1.04 * double(alone.instructions)) << group.kernel;
    EXPECT_EQ(group.bank_conflicts, 0) << group.kernel;
  }
}

int64_t launches(const std::vector<KernelCount>& counts) {
  int64_t all = 0;
  for (const KernelCount& c : counts) all += c.launches;
  return all;
}

TEST_F(GemmGroupBounds, AsFewLaunchesAsCanBe) {
  const auto group = [](const std::vector<GroupShape>& shapes) {
    const GroupMembers members = members_of(shapes);
    return launches(count(GemmPrecision::fp32, products_of(members)));
  };
  EXPECT_EQ(group(weight_gradients(0)), 0);
  EXPECT_EQ(group(weight_gradients(12)), 1);
  // The seventh is of nothing and takes no place, so that there are twelve others.
  EXPECT_EQ(group(weight_gradients(13)), 1);
  EXPECT_EQ(group(weight_gradients(14)), 2);
  EXPECT_EQ(group(std::vector<GroupShape>(12, {1, 1, 1})), 1);
  EXPECT_EQ(group(std::vector<GroupShape>(13, {1, 1, 1})), 2);
  EXPECT_EQ(group({{1, 1, 1}, {9, 9, 9, false, true}, {1, 1, 1}}), 2);
}

// Large tiles where all products together have enough of them, though none has alone.
TEST_F(GemmGroupBounds, TilesAreChosenForTheGroup) {
  const auto threads_of_a_block = [](size_t products) {
    const GroupMembers members = members_of(std::vector<GroupShape>(products, {384, 384, 1}));
    const std::vector<KernelCount> counts = count(GemmPrecision::fp32, products_of(members));
    return counts.front().threads / counts.front().blocks;
  };
  EXPECT_EQ(threads_of_a_block(11), 128);
  EXPECT_EQ(threads_of_a_block(12), 256);  // 12 * 9 = 108 tiles of 128 x 128
}

}  // namespace
}  // namespace burin::test
