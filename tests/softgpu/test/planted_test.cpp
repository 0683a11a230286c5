// Each planted bug must be reported with kernel, block, thread and line; each repaired twin must be
// silent, whatever the order of threads.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "test/support/run_program.h"

namespace {

Outcome run(const std::string& name, const std::string& settings) {
  return run_program(settings + " SOFTGPU_EXIT_CODE=99 SOFTGPU_HANG_SECONDS=2",
                     "softgpu_planted " + name);
}

struct Bug {
  const char* name;
  const char* check;
  std::vector<const char*> said;  // all of these
  bool has_twin = true;
};

void PrintTo(const Bug& b, std::ostream* out) {
  *out << b.name;
}

const Bug kBugs[] = {
    {"out_of_bounds",
     "memcheck",
     {"memcheck: invalid write of 4 bytes", "thread (4,0,0) of block (3,0,0)", "fill(int*, int)",
      "PTX line", "memory.cu:", "0 bytes after the end of the allocation of 400 bytes",
      "cudaErrorIllegalAddress"}},
    {"misaligned",
     "memcheck",
     {"misaligned read of 4 bytes", "memory.cu:", "cudaErrorMisalignedAddress"}},
    {"use_after_free",
     "memcheck",
     {"invalid read of 4 bytes", "inside freed memory", "memory.cu:"}},
    {"null_pointer",
     "memcheck",
     {"invalid read of 4 bytes", "not device memory", "thread (0,0,0)"},
     false},
    {"double_free", "memcheck", {"memcheck: double free"}},
    {"leak", "memcheck", {"leak: 64 bytes in 1 allocations"}},
    {"shared_out_of_bounds",
     "memcheck",
     {"invalid write of 4 bytes at shared offset 0x80", "thread (31,0,0)",
      "128 bytes of shared memory", "memory.cu:"}},
    {"uninitialised",
     "initcheck",
     {"initcheck: read of 4 bytes", "nothing was written there", "memory.cu:"}},
#if SOFTGPU_CUBLAS
    {"cublas_outside",
     "memcheck",
     {"memcheck: cublasSgemm reads 72 bytes", "not inside an allocation",
      "cudaErrorIllegalAddress"}},
    {"cublas_uninitialised",
     "initcheck",
     {"initcheck: cublasSgemm reads what was never written", "64 bytes"}},
#endif
    {"copy_outside", "memcheck", {"memcheck: copy of 32 bytes", "leaves the allocation"}, false},
    {"shared_race",
     "racecheck",
     {"race on shared memory at offset", "read by thread", "write by thread", "race.cu:"}},
    {"global_race", "racecheck", {"race on global memory at 0x", "race.cu:"}},
    {"counter_race", "racecheck", {"race on global memory at 0x", "race.cu:"}},
    {"byte_race",
     "racecheck",
     {"race on shared memory", "write by thread (1,0,0)", "write by thread (0,0,0)", "race.cu:"}},
    {"warp_race", "racecheck", {"race on shared memory", "race.cu:"}},
    {"tile_race", "racecheck", {"race on shared memory", "race.cu:"}},
    {"named_barrier_race", "racecheck", {"race on shared memory", "race.cu:"}},
    {"early_exit",
     "synccheck",
     {"barrier 0", "is not reached by 14 of 64 threads", "thread (50,0,0)", "sync.cu:"}},
    {"two_barriers",
     "synccheck",
     {"hang: ", "32 threads wait at a barrier", "sync.cu:", "cudaErrorLaunchTimeout"}},
    {"missing_lanes",
     "synccheck",
     {"hang: ", "16 threads wait for mask 0xffffffff", "16 threads wait at a barrier", "sync.cu:"}},
    {"foreign_mask", "synccheck", {"mask 0xffff0000 does not name the lane", "sync.cu:"}},
    {"exited_lanes", "synccheck", {"names lanes that have exited", "thread (16,0,0)", "sync.cu:"}},
    {"spin",
     "synccheck",
     {"hang: a thread loops without end", "63 threads", "1 threads have exited", "sync.cu:"}},
    {"split_warp", "synccheck", {"lanes of one warp meet at different instructions", "sync.cu:"}},
};

class Planted : public testing::TestWithParam<Bug> {};

TEST_P(Planted, BugIsReported) {
  const Bug& bug = GetParam();
  const Outcome o = run(std::string(bug.name) + "_bad", std::string("SOFTGPU_CHECK=") + bug.check);
  EXPECT_EQ(o.code, 99) << o.text;
  for (const char* words : bug.said)
    EXPECT_NE(o.text.find(words), std::string::npos) << words << "\nis not in\n" << o.text;
}

TEST_P(Planted, RepairedTwinIsSilent) {
  const Bug& bug = GetParam();
  if (!bug.has_twin) return;
  for (const char* order : {"", " SOFTGPU_SHUFFLE=1", " SOFTGPU_SHUFFLE=2"}) {
    const Outcome o =
        run(std::string(bug.name) + "_good", std::string("SOFTGPU_CHECK=all") + order);
    EXPECT_EQ(o.code, 0) << o.text;
    EXPECT_EQ(o.text, "") << order;
  }
}

INSTANTIATE_TEST_SUITE_P(All, Planted, testing::ValuesIn(kBugs),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(PlantedAlone, WritesOfKernelsInitialise) {
  const Outcome o = run("initialised_by_kernel_good", "SOFTGPU_CHECK=all");
  EXPECT_EQ(o.code, 0) << o.text;
  EXPECT_EQ(o.text, "");
}

// Without checks a wild access is still an error and not a crash; a small overrun is not seen.
TEST(PlantedAlone, FaultsWithoutChecks) {
  EXPECT_NE(run("null_pointer_bad", "").text.find("cudaErrorIllegalAddress"), std::string::npos);
  EXPECT_NE(run("misaligned_bad", "").text.find("cudaErrorMisalignedAddress"), std::string::npos);
  EXPECT_NE(run("two_barriers_bad", "").text.find("cudaErrorLaunchTimeout"), std::string::npos);
}

void expect_fault(const std::string& name, const std::string& said, const std::string& error) {
  const Outcome o = run(name, "");
  for (const std::string& words :
       {said, std::string("launch: cudaSuccess"), "wait: " + error, "later: " + error}) {
    EXPECT_NE(o.text.find(words), std::string::npos) << words << "\nis not in\n" << o.text;
  }
}
TEST(PlantedAlone, FaultsStay) {
  expect_fault("assert_bad",
               "block: [0,0,0], thread: [5,0,0] Assertion `a[threadIdx.x] < 5` failed.",
               "cudaErrorAssert");
  expect_fault("trap_bad", "trap by thread (7,0,0) of block (0,0,0)", "cudaErrorLaunchFailure");
  expect_fault("stack_bad", "stack overflow by thread (0,0,0)", "cudaErrorIllegalAddress");
  EXPECT_EQ(run("stack_good", "").text, "");
}

TEST(PlantedAlone, HostCannotReadDeviceMemory) {
  const Outcome o = run("host_reads_device_bad", "exec env");
  EXPECT_NE(o.code, 0) << o.text;
}

}  // namespace
