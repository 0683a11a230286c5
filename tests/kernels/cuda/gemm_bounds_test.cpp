// The rungs of the matrix product by the software GPU's counters: no lane waits for another at
// shared memory, and no matrix instruction is issued that C does not need.
#include <algorithm>

#include "tests/kernels/cuda/gemm_product.h"
#include "tests/support/counted_test.h"

namespace burin::test {
namespace {

using cuda::GemmPlan;
using cuda::GemmPrecision;
using cuda::GemmRung;
using cuda::GemmTile;

class GemmBounds : public CountedTest {
 protected:
  static KernelCount count(const GemmCase& x, const GemmPlan& plan) {
    reset_counters();
    x.run(&plan);
    const std::vector<KernelCount> counts = kernel_counts();
    EXPECT_EQ(counts.size(), 1u);
    return counts.front();
  }
};

// Aligned as the engine lays its buffers, and at their worst.
TEST_F(GemmBounds, NoBankConflicts) {
  for (const GemmTile tile : {GemmTile::small, GemmTile::large}) {
    for_each_transpose([&](bool ta, bool tb) {
      for (const GemmPlacement& at : {kGemmPlacements[0], kGemmPlacements[1]}) {
        const GemmCase x({128, 256, 64}, ta, tb, at);
        for (const GemmPlan& plan : {GemmPlan{GemmRung::tiled, GemmPrecision::fp32, tile},
                                     GemmPlan{GemmRung::tensor, GemmPrecision::tf32, tile},
                                     GemmPlan{GemmRung::tensor, GemmPrecision::bf16, tile}}) {
          const KernelCount c = count(x, plan);
          EXPECT_GT(c.shared_requests, 0) << c.kernel;
          EXPECT_EQ(c.bank_conflicts, 0) << c.kernel << " " << x.name();
        }
      }
    });
  }
}

// C in pieces of 16 x 8, k in steps of 8 or 16: whole and ragged shapes.
TEST_F(GemmBounds, MatrixInstructionsAreThoseNeeded) {
  const auto pieces = [](int64_t size, int64_t piece) { return (size + piece - 1) / piece; };
  for (const GemmShape& shape :
       std::vector<GemmShape>{{128, 256, 64}, {1, 1, 1}, {129, 65, 17}, {100, 200, 784}}) {
    for (const GemmTile tile : {GemmTile::small, GemmTile::large}) {
      for_each_transpose([&](bool ta, bool tb) {
        const GemmCase x(shape, ta, tb, kGemmPlacements[0]);
        const int64_t squares = pieces(x.m, 16) * pieces(x.n, 8);
        EXPECT_EQ(count(x, {GemmRung::tensor, GemmPrecision::tf32, tile}).matrix_products,
                  squares * pieces(x.k, 8))
            << x.name();
        EXPECT_EQ(count(x, {GemmRung::tensor, GemmPrecision::bf16, tile}).matrix_products,
                  squares * pieces(x.k, 16))
            << x.name();
      });
    }
  }
}

// A tile reads its panels once: A for each column of tiles, B for each row of them, C written once.
TEST_F(GemmBounds, TilesReadTheirPanelsOnce) {
  for_each_transpose([&](bool ta, bool tb) {
    const GemmCase x({128, 256, 64}, ta, tb, kGemmPlacements[0]);
    for (const GemmRung rung : {GemmRung::tiled, GemmRung::tensor}) {
      const GemmPrecision precision =
          rung == GemmRung::tiled ? GemmPrecision::fp32 : GemmPrecision::tf32;
      for (const auto& [tile, side] : {std::pair{GemmTile::small, 64}, {GemmTile::large, 128}}) {
        const int64_t reads = x.m * x.k * (x.n / side) + x.k * x.n * (x.m / side);
        const KernelCount c = count(x, {rung, precision, tile});
        EXPECT_EQ(c.load_sectors, reads / 8) << c.kernel << " " << x.name();
        EXPECT_EQ(c.store_sectors, x.m * x.n / 8) << c.kernel << " " << x.name();
      }
    }
  });
}

}  // namespace
}  // namespace burin::test
