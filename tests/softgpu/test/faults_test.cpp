// Faults on request: each one is returned where it was asked for, and the same program without it
// returns success everywhere.
#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "test/support/run_program.h"

namespace {

const std::string kWell = "cudaSuccess, cudaSuccess";

Outcome run(const std::string& part, const std::string& settings = "") {
  return run_program(settings, "softgpu_faults " + part);
}

// What the program printed; its error stream is left out.
std::vector<std::string> lines(const std::string& part, const std::string& settings = "") {
  const Outcome o = run_program(settings, "softgpu_faults " + part, false);
  EXPECT_EQ(o.code, 0) << settings << "\n" << o.text;
  std::stringstream in(o.text);
  std::vector<std::string> all;
  for (std::string line; std::getline(in, line);) all.push_back(line);
  return all;
}

// The lines of the calls, without those of the numbers.
std::vector<std::string> calls(const std::string& settings = "") {
  std::vector<std::string> all = lines("calls", settings);
  std::erase_if(all, [](const std::string& line) { return line.find(':') == std::string::npos; });
  return all;
}

bool is_well(const std::string& line) {
  return line.ends_with(": " + kWell);
}
// The lines that are not `name: cudaSuccess, cudaSuccess`.
std::vector<std::string> unwell(const std::vector<std::string>& all) {
  std::vector<std::string> some;
  for (const std::string& line : all) {
    if (!is_well(line)) some.push_back(line);
  }
  return some;
}

void expect_has(const std::string& text, const std::string& words) {
  EXPECT_NE(text.find(words), std::string::npos) << words << "\nis not in\n" << text;
}

TEST(Faults, NoneWithoutARequest) {
  for (const char* settings : {"", "SOFTGPU_FAIL=", "SOFTGPU_CHECK=all SOFTGPU_EXIT_CODE=99"}) {
    const Outcome o = run("calls", settings);
    EXPECT_EQ(o.code, 0) << o.text;
    EXPECT_EQ(o.text.find("Error"), std::string::npos) << o.text;
    EXPECT_EQ(o.text.find("softgpu:"), std::string::npos) << o.text;
    expect_has(o.text, "1 devices, 21\n");
  }
}

TEST(Faults, TheCallOfThatNumberFails) {
  const std::vector<std::string> expected = {
      "cudaMalloc: cudaErrorMemoryAllocation, cudaErrorMemoryAllocation",
      // The rest follows from the memory that is missing.
      "cudaMemcpyAsync: cudaErrorInvalidValue, cudaErrorInvalidValue",
      "cudaMemcpy: cudaErrorInvalidValue, cudaErrorInvalidValue"};
  EXPECT_EQ(unwell(lines("calls", "SOFTGPU_FAIL=cudaMalloc:2")),
            (std::vector<std::string>{expected[0], expected[1], expected[2], "1 devices, -1"}));
}

// Only the launch is lost; the error waits for cudaGetLastError once, and the kernel did not run.
TEST(Faults, LaunchesFail) {
  EXPECT_EQ(unwell(lines("calls", "SOFTGPU_FAIL=cudaGraphLaunch:2")),
            (std::vector<std::string>{
                "cudaGraphLaunch: cudaErrorLaunchOutOfResources, cudaErrorLaunchOutOfResources",
                "1 devices, 11"}));
  EXPECT_EQ(
      unwell(lines("calls", "SOFTGPU_FAIL=cudaLaunchKernel:2")),
      (std::vector<std::string>{
          "second: cudaErrorLaunchOutOfResources, cudaErrorLaunchOutOfResources", "1 devices, 1"}));
}

TEST(Faults, ErrorsByNameOrNumber) {
  for (const char* error : {"cudaErrorDevicesUnavailable", "46"}) {
    EXPECT_EQ(unwell(calls(std::string("SOFTGPU_FAIL=cudaEventRecord:1:") + error)),
              (std::vector<std::string>{
                  "cudaEventRecord: cudaErrorDevicesUnavailable, cudaErrorDevicesUnavailable"}));
  }
  EXPECT_EQ(unwell(lines("calls", "SOFTGPU_FAIL=cudaGetDeviceCount:1:cudaErrorInsufficientDriver")),
            (std::vector<std::string>{
                "cudaGetDeviceCount: cudaErrorInsufficientDriver, cudaErrorInsufficientDriver",
                "-1 devices, 21"}));
}

TEST(Faults, EveryLaterCallFailsToo) {
  const auto failed = unwell(calls("SOFTGPU_FAIL=cudaFree:1+:cudaErrorInvalidValue"));
  EXPECT_EQ(failed, (std::vector<std::string>(
                        2, "cudaFree: cudaErrorInvalidValue, cudaErrorInvalidValue")));
}

TEST(Faults, SeveralAtOnce) {
  const auto failed = unwell(calls("SOFTGPU_FAIL=cudaEventRecord:1,cudaFree:2,cudaMemcpy:1:2"));
  EXPECT_EQ(failed, (std::vector<std::string>{
                        "cudaEventRecord: cudaErrorUnknown, cudaErrorUnknown",
                        "cudaMemcpy: cudaErrorMemoryAllocation, cudaErrorMemoryAllocation",
                        "cudaFree: cudaErrorUnknown, cudaErrorUnknown"}));
}

// Every call in turn, until the program has no more.
TEST(Faults, AnyCall) {
  const size_t total = calls().size();
  ASSERT_GT(total, 20u);
  for (size_t n = 1; n <= total; ++n) {
    const auto all = calls("SOFTGPU_FAIL=any:" + std::to_string(n));
    ASSERT_EQ(all.size(), total);
    for (size_t i = 0; i < n - 1; ++i) EXPECT_TRUE(is_well(all[i])) << n << ": " << all[i];
    const bool allocates = all[n - 1].starts_with("cudaMalloc");
    const bool launches = all[n - 1].starts_with("first") || all[n - 1].starts_with("second") ||
                          all[n - 1].starts_with("cudaGraphLaunch");
    const std::string error = allocates  ? "cudaErrorMemoryAllocation"
                              : launches ? "cudaErrorLaunchOutOfResources"
                                         : "cudaErrorUnknown";
    EXPECT_TRUE(all[n - 1].ends_with(": " + error + ", " + error)) << n << ": " << all[n - 1];
  }
  const Outcome beyond = run("calls", "SOFTGPU_FAIL=any:" + std::to_string(total + 1));
  EXPECT_EQ(beyond.text.find("cudaError"), std::string::npos) << beyond.text;
  expect_has(beyond.text, "softgpu: SOFTGPU_FAIL: any:" + std::to_string(total + 1) +
                              " did not happen: " + std::to_string(total) + " calls");
}

// The launch succeeds, the next call that waits tells, and from then on every one, also those that
// give something back. What came after the kernel did not run.
void expect_lost(const std::string& fail, const std::string& error, const std::string& first_waits,
                 const std::string& and_then) {
  const auto all = calls("SOFTGPU_FAIL=" + fail);
  size_t i = 0;
  while (i < all.size() && is_well(all[i])) ++i;
  ASSERT_LT(i, all.size()) << fail;
  EXPECT_EQ(all[i].substr(0, all[i].find(':')), first_waits) << fail;
  EXPECT_EQ(all[i - 1].substr(0, all[i - 1].find(':')), and_then) << fail;
  for (; i < all.size(); ++i) EXPECT_TRUE(all[i].ends_with(": " + error + ", " + error)) << all[i];
}
TEST(Faults, KernelFaultsAreStickyAndShowAtTheNextWait) {
  expect_lost("kernel:first:1", "cudaErrorIllegalAddress", "cudaStreamSynchronize",
              "cudaEventRecord");
  // The second replay of the graph.
  expect_lost("kernel:second:2:cudaErrorLaunchFailure", "cudaErrorLaunchFailure",
              "cudaStreamSynchronize", "cudaEventRecord");
  // By part of the whole name, which has colons.
  expect_lost("'kernel:(anonymous namespace)::sec:1:716'", "cudaErrorMisalignedAddress",
              "cudaStreamSynchronize", "cudaEventRecord");
  // An error of this kind that a call returns is as sticky.
  expect_lost("cudaEventSynchronize:1:cudaErrorIllegalAddress", "cudaErrorIllegalAddress",
              "cudaEventSynchronize", "cudaMemcpyAsync");
  expect_has(run("calls", "SOFTGPU_FAIL=kernel:second:3").text,
             "kernel:second:3 did not happen: 2 executions");
  // Nothing runs after the fault.
  expect_has(run("calls", "SOFTGPU_FAIL=kernel:first:1,kernel:second:1").text,
             "kernel:second:1 did not happen: 0 executions");
}

TEST(Faults, AreSaid) {
  expect_has(run("calls", "SOFTGPU_FAIL=any:5").text,
             "softgpu: SOFTGPU_FAIL: any:5: call 2 of cudaMalloc: cudaErrorMemoryAllocation\n");
  expect_has(run("calls", "SOFTGPU_FAIL=kernel:second:1").text,
             "softgpu: SOFTGPU_FAIL: kernel:second:1: kernel (anonymous namespace)::second(int*): "
             "cudaErrorIllegalAddress\n");
}

// What could not be freed because of the fault is no leak of the program.
TEST(Faults, MakeNoFindingsOfTheirOwn) {
  for (const char* fail : {"cudaFree:1+", "kernel:second:1", "cudaStreamSynchronize:1:700"}) {
    const Outcome o = run(
        "calls", std::string("SOFTGPU_CHECK=memcheck SOFTGPU_EXIT_CODE=99 SOFTGPU_FAIL=") + fail);
    EXPECT_EQ(o.code, 0) << o.text;
    EXPECT_EQ(o.text.find("leak"), std::string::npos) << o.text;
  }
}

TEST(Faults, WrongRequestsAreRefused) {
  const auto refused = [](const std::string& fail, const std::string& why) {
    const Outcome o = run("calls", "SOFTGPU_FAIL='" + fail + "'");
    EXPECT_EQ(o.code, 2) << fail;
    EXPECT_EQ(o.text, "softgpu: SOFTGPU_FAIL: " + why + "\n");
  };
  const std::string form = "expected FUNCTION:N[:ERROR], any:N[:ERROR] or kernel:NAME:N[:ERROR]";
  for (const char* fail : {"cudaMalloc", "cudaMalloc:", "cudaMalloc:x", "cudaMalloc:1:", "any",
                           "kernel:1", "kernel:add", "cudaMalloc:1:2:3", "cudaMalloc:-1", "+"}) {
    refused(fail, "'" + std::string(fail) + "': " + form);
  }
  refused("cudaFree:1,,any:2", "'': " + form);
  refused("cudaMalloc:0", "'cudaMalloc:0': calls are counted from 1");
  refused("kernel::1", "'kernel::1': the name of the kernel is missing");
  refused("cudaMalloc:1:cudaErrorNone",
          "'cudaMalloc:1:cudaErrorNone': unknown error 'cudaErrorNone'");
  refused("any:1:0", "'any:1:0': unknown error '0'");
  // Registration and the functions that tell an error do not fail.
  for (const char* name : {"cudaMaloc", "cudaGetLastError", "cudaGetErrorName", "Malloc"}) {
    refused(std::string(name) + ":1", "'" + std::string(name) +
                                          ":1': the runtime has no function '" + name +
                                          "' that can be made to fail");
  }
}

TEST(Faults, TheToolPassesThemOn) {
  const auto with_tool = [](const std::string& options) {
    return run_command(SOFTGPU_TOOL " --build " + program_folder() + " " + options + " " +
                       program_folder() + "/softgpu_faults calls 2>&1");
  };
  const Outcome o = with_tool("--fail cudaEventRecord:1 --fail cudaFree:2:35");
  expect_has(o.text, "cudaEventRecord: cudaErrorUnknown, cudaErrorUnknown");
  expect_has(o.text, "cudaFree: cudaErrorInsufficientDriver, cudaErrorInsufficientDriver");
  EXPECT_EQ(with_tool("--fail cudaFree").code, 2);
  expect_has(with_tool("--devices 0").text, "0 devices");
  expect_has(with_tool("--arch 75").text, "first: cudaErrorNoKernelImageForDevice");
}

TEST(Faults, NoDevice) {
  const auto all = lines("calls", "SOFTGPU_DEVICES=0");
  ASSERT_GT(all.size(), 20u);
  for (const std::string& line : all) {
    if (line == "0 devices, -2") continue;
    EXPECT_TRUE(line.ends_with(": cudaErrorNoDevice, cudaErrorNoDevice")) << line;
  }
  const Outcome two = run("calls", "SOFTGPU_DEVICES=2");
  EXPECT_EQ(two.code, 2);
  EXPECT_EQ(two.text, "softgpu: SOFTGPU_DEVICES: '2' is not a number from 0 to 1\n");
}

// The program holds PTX for 8.0.
TEST(Faults, AnOlderDeviceHasNoKernelImage) {
  const std::string missing = "cudaErrorNoKernelImageForDevice, cudaErrorNoKernelImageForDevice";
  EXPECT_EQ(lines("device", "SOFTGPU_ARCH=75"),
            (std::vector<std::string>{"cudaGetDeviceCount: " + kWell,
                                      "cudaGetDeviceProperties: " + kWell, "1 devices, 7.5",
                                      "cudaFuncGetAttributes: " + missing, "first: " + missing,
                                      "first: " + missing, "cudaDeviceSynchronize: " + kWell}));
  const std::string lost = "cudaErrorIllegalAddress, cudaErrorIllegalAddress";  // it is given null
  for (const auto& [setting, version] :
       {std::pair{"", "8.0"}, {"SOFTGPU_ARCH=80", "8.0"}, {"SOFTGPU_ARCH=90", "9.0"}}) {
    EXPECT_EQ(lines("device", setting),
              (std::vector<std::string>{
                  "cudaGetDeviceCount: " + kWell, "cudaGetDeviceProperties: " + kWell,
                  std::string("1 devices, ") + version, "cudaFuncGetAttributes: " + kWell,
                  "first: " + kWell, "first: " + kWell, "cudaDeviceSynchronize: " + lost}));
  }
}

// Allocations are rounded up to 256 bytes, and the whole down, as on a GPU to its own step.
TEST(Faults, MemoryIsTruthful) {
  for (const char* check : {"", " SOFTGPU_CHECK=memcheck SOFTGPU_EXIT_CODE=99"}) {
    EXPECT_EQ(lines("memory", std::string("SOFTGPU_MEMORY=1000000") + check),
              (std::vector<std::string>{
                  "cudaMemGetInfo: " + kWell, "999936 of 999936", "cudaMalloc: " + kWell,
                  "cudaMemGetInfo: " + kWell, "998912 of 999936", "cudaMalloc: " + kWell,
                  "cudaMemGetInfo: " + kWell, "0 of 999936",
                  "cudaMalloc: cudaErrorMemoryAllocation, cudaErrorMemoryAllocation",
                  "cudaFree: " + kWell, "cudaFree: " + kWell, "cudaMemGetInfo: " + kWell,
                  "999936 of 999936"}));
  }
  const Outcome wrong = run("memory", "SOFTGPU_MEMORY=1GB");
  EXPECT_EQ(wrong.code, 2);
  expect_has(wrong.text, "softgpu: SOFTGPU_MEMORY: '1GB' is not a number from 0 to ");
}

}  // namespace
