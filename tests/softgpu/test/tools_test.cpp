// The counters, and what is refused.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>

#include "test/support/run_program.h"

namespace {

std::string output_of(const std::string& settings, const std::string& arguments) {
  return run_program(settings, "softgpu_counted " + arguments).text;
}

std::string counters() {
  const std::string file = program_folder() + "/counters." + std::to_string(getpid()) + ".json";
  EXPECT_EQ(output_of("SOFTGPU_COUNTERS=" + file, ""), "");
  std::ifstream in(file);
  std::stringstream text;
  text << in.rdbuf();
  std::remove(file.c_str());
  return text.str();
}

// The part of the JSON that is about one kernel.
std::string about(const std::string& json, const std::string& kernel) {
  const size_t begin = json.find("{\"kernel\": \"" + kernel + "(");
  return begin == std::string::npos
             ? ""
             : json.substr(begin, json.find("{\"kernel\"", begin + 1) - begin);
}
void expect_has(const std::string& text, const std::string& words) {
  EXPECT_NE(text.find(words), std::string::npos) << words << "\nis not in\n" << text;
}

TEST(Counters, SectorsMovedAgainstTheLeast) {
  const std::string json = counters();
  const std::string good = about(json, "coalesced"), bad = about(json, "strided");
  expect_has(good, "\"launches\": 1, \"blocks\": 2, \"threads\": 128");
  expect_has(good, "\"global_load\": {\"requests\": 4, \"sectors\": 16, \"least\": 16}");
  expect_has(good, "\"global_store\": {\"requests\": 4, \"sectors\": 16, \"least\": 16}");
  expect_has(good, "\"memory\": 512");  // two parameters, a load and a store for each thread
  expect_has(bad, "\"global_load\": {\"requests\": 1, \"sectors\": 32, \"least\": 4}");
}

TEST(Counters, BankConflictsAndBarriers) {
  const std::string text = about(counters(), "conflicts");
  // One store in 32 passes, one load in one.
  expect_has(text, "\"shared\": {\"requests\": 2, \"passes\": 33, \"bank_conflicts\": 31}");
  expect_has(text, "\"barriers\": 1,");
}

TEST(Counters, AreTheSameOnEachRun) {
  const std::string once = counters();
  EXPECT_GT(once.size(), 1000u);
  EXPECT_EQ(once, counters());
}

// Those of the program, not those that a <<<launch>>> makes behind it.
TEST(Counters, CallsOfTheRuntimeByName) {
  expect_has(counters(),
             "\"api\": {\"cudaDeviceSynchronize\": 1, \"cudaFree\": 2, \"cudaLaunchKernel\": 3, "
             "\"cudaMalloc\": 2, \"cudaMemset\": 1}}");
}

TEST(Refusal, NamesTheInstructionAndTheCall) {
  const std::string text = output_of("", "unknown");
  expect_has(text, "not implemented: vadd.u32.u32.u32");
  expect_has(text, "PTX line");
  expect_has(text, "unknown: cudaErrorInvalidPtx");
  expect_has(text, "not implemented: cudaMallocManaged");
  expect_has(text, "managed: cudaErrorNotSupported");
}

}  // namespace
