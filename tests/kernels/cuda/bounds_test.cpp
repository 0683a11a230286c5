// What the CUDA twins do behind a call: they only launch. And what they move, held against what
// their arguments hold: counters of the software GPU, exact and repeatable. A real GPU has no such
// counters, and the tests are skipped there.
#include <cstdio>

#include "tests/support/counted_test.h"
#include "tests/support/room_run.h"

namespace burin::test {
namespace {

// Each case that has no bound, or another than the general one, says why.
TEST(CaseBounds, OthersThanTheGeneralOneHaveAReason) {
  for (const Case& room : declared_cases()) {
    EXPECT_EQ(room.sector_bound == 1.02, room.bound_reason.empty()) << room.name;
  }
}

class Bounds : public CountedTest, public testing::WithParamInterface<const Case*> {};

TEST_P(Bounds, MovesLittleMoreThanItsArguments) {
  const Case& room = *GetParam();
  for (const Dims& d : room.measured) {
    SCOPED_TRACE(to_string(d));
    const Host host = room.host(d, false);
    Arguments x(room, host, kPlacements[0], false);
    x.run();  // the first call also sets up the stream's workspace
    reset_counters();
    x.run();
    const CallCount calls = call_count();
    EXPECT_EQ(calls.synchronisations(), 0);
    EXPECT_EQ(calls.copies(), 0);
    EXPECT_EQ(calls.allocations(), 0);
    const KernelCount count = total_count();
    const auto [read, written] = room.bytes(d);
    const double least = double(read + written) / 32.0;
    EXPECT_GT(count.launches, 0);
    EXPECT_GE(double(count.sectors()), least * 0.999) << "the case declares more than is moved";
    EXPECT_LE(double(count.sectors()), room.sector_bound * least);
  }
}

std::vector<const Case*> bounded_cases() {
  std::vector<const Case*> all;
  for (const Case& c : declared_cases()) {
    if (c.sector_bound > 0) all.push_back(&c);
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Case, Bounds, testing::ValuesIn(bounded_cases()), case_name);

// Says on what the tests of this binary run.
class SayDevice : public testing::Environment {
  void SetUp() override { std::printf("device: %s\n", device_name().c_str()); }
};
const auto* const environment = testing::AddGlobalTestEnvironment(new SayDevice);

}  // namespace
}  // namespace burin::test
