// The grid of the L1 update, by the software GPU's counters.
#include "tests/kernels/l1_update_network.h"
#include "tests/support/counted_test.h"

namespace burin::test {
namespace {

class L1UpdateBounds : public CountedTest {
 protected:
  static int64_t blocks(const Layers& layers) {
    Network net(layers);
    const UpdateRule rule;
    reset_counters();
    net.update(rule, update_scalars(rule, 0.01f, 1));
    return total_count().blocks;
  }
};

// Tiles are 2048 elements of one segment. A small network does not wait for hundreds of blocks that
// have nothing to do; a large one has 512.
TEST_F(L1UpdateBounds, BlocksFollowTheElements) {
  EXPECT_EQ(blocks({{1, 0.1f}}), 1);
  EXPECT_EQ(blocks({{0, 0.1f}}), 1);
  EXPECT_EQ(blocks({{2047, 0.1f}}), 1);
  EXPECT_EQ(blocks({{2049, 0.1f}, {2049, 0.1f}, {7, 0.0f}}), 2 + 3);
  EXPECT_EQ(blocks({{600 * 2048, 0.1f}}), 512);
}

}  // namespace
}  // namespace burin::test
