// What the CUDA twins move, held against what their arguments hold: counters of the software GPU,
// exact and repeatable. A real GPU has no such counters, and the tests are skipped there.
#include <cstdio>

#include "tests/support/room_run.h"
#include "tests/support/softgpu_counters.h"

namespace burin::test {
namespace {

class Counted : public TwinTest {
 protected:
  void SetUp() override {
    TwinTest::SetUp();
    if (!IsSkipped() && !counters_available()) {
      GTEST_SKIP() << "no counters: they exist on the software GPU under --count";
    }
  }
};

class Bounds : public Counted, public testing::WithParamInterface<const Case*> {};

TEST_P(Bounds, MovesLittleMoreThanItsArguments) {
  const Case& room = *GetParam();
  EXPECT_EQ(room.sector_bound == 1.02, room.bound_reason.empty()) << "a bound without a reason";
  if (room.sector_bound == 0) return;  // says why; counters.md tells what it moves
  for (const Dims& d : room.measured) {
    SCOPED_TRACE(to_string(d));
    const Host host = room.host(d, false);
    Arguments x(room, host, kPlacements[0], false);
    x.run();  // the first call also sets up the stream's workspace
    reset_counters();
    x.run();
    const KernelCount count = total_count();
    const auto [read, written] = room.bytes(d);
    const double least = double(read + written) / 32.0;
    EXPECT_GT(count.launches, 0);
    EXPECT_GE(double(count.sectors()), least * 0.999) << "the case declares more than is moved";
    EXPECT_LE(double(count.sectors()), room.sector_bound * least);
  }
}

std::vector<const Case*> cases() {
  std::vector<const Case*> all;
  for (const Case& c : declared_cases()) all.push_back(&c);
  return all;
}

INSTANTIATE_TEST_SUITE_P(Case, Bounds, testing::ValuesIn(cases()), case_name);

// Says on what the tests of this binary run.
class SayDevice : public testing::Environment {
  void SetUp() override { std::printf("device: %s\n", device_name().c_str()); }
};
const auto* const environment = testing::AddGlobalTestEnvironment(new SayDevice);

}  // namespace
}  // namespace burin::test
