#include "runtime/injection.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <sstream>
#include <string_view>
#include <vector>

#include "core/config.h"

namespace burin::softgpu {
namespace {

struct Rule {
  std::string spec;                       // as written
  const ApiFunction* function = nullptr;  // null: any function, if `kernel` is empty too
  std::string kernel;                     // part of a kernel's name
  uint64_t number = 0;                    // of the call or execution, from 1
  bool onwards = false;                   // and every later one
  cudaError_t error = cudaSuccess;        // cudaSuccess: what suits the function
  std::atomic<uint64_t> met{0};           // calls or executions so far
  std::atomic<bool> happened{false};

  bool is_due(uint64_t n) const { return n == number || (onwards && n > number); }
};

// A deque: rules stay where they are. Never destroyed: used until the end of the process.
std::deque<Rule>& rules() {
  static auto* const all = new std::deque<Rule>;
  return *all;
}

[[noreturn]] void refuse(const std::string& spec, const std::string& why) {
  std::fprintf(stderr, "softgpu: SOFTGPU_FAIL: '%s': %s\n", spec.c_str(), why.c_str());
  std::_Exit(2);
}

bool is_number(std::string_view s) {
  return !s.empty() && s.size() <= 18 &&
         std::all_of(s.begin(), s.end(), [](char c) { return c >= '0' && c <= '9'; });
}
bool is_count(std::string_view s) {
  if (s.ends_with('+')) s.remove_suffix(1);
  return is_number(s);
}

const ApiFunction* find_function(const std::string& name) {
  for (const ApiFunction& f : api_functions()) {
    if (f.name == name) return &f;
  }
  return nullptr;
}

// FUNCTION:N[:ERROR], any:N[:ERROR] or kernel:NAME:N[:ERROR]. NAME may have colons itself.
void read_rule(const std::string& spec) {
  std::vector<std::string> words;
  std::stringstream in(spec);
  for (std::string word; std::getline(in, word, ':');) words.push_back(word);
  const bool of_kernel = !words.empty() && words[0] == "kernel";
  const size_t names = of_kernel ? 2 : 1;  // at least so many words stand before the number
  const bool has_error = words.size() > names + 1 && is_count(words[words.size() - 2]);
  const size_t number_at = words.size() - (has_error ? 2 : 1);
  if (words.size() <= names || spec.ends_with(':') || !is_count(words[number_at]) ||
      (!of_kernel && number_at != 1))
    refuse(spec, "expected FUNCTION:N[:ERROR], any:N[:ERROR] or kernel:NAME:N[:ERROR]");

  Rule& rule = rules().emplace_back();
  rule.spec = spec;
  rule.onwards = words[number_at].back() == '+';
  rule.number = std::strtoull(words[number_at].c_str(), nullptr, 10);
  if (rule.number == 0) refuse(spec, "calls are counted from 1");
  if (has_error) {
    rule.error = error_of(words.back());
    if (rule.error == cudaSuccess) refuse(spec, "unknown error '" + words.back() + "'");
  }
  if (of_kernel) {
    for (size_t i = 1; i < number_at; ++i) rule.kernel += (i > 1 ? ":" : "") + words[i];
    if (rule.kernel.empty()) refuse(spec, "the name of the kernel is missing");
  } else if (words[0] != "any") {
    rule.function = find_function(words[0]);
    if (rule.function == nullptr)
      refuse(spec, "the runtime has no function '" + words[0] + "' that can be made to fail");
  }
}

cudaError_t error_that_suits(std::string_view function) {
  if (function.starts_with("cudaMalloc") || function == "cudaHostAlloc")
    return cudaErrorMemoryAllocation;
  if (function.starts_with("cudaLaunchKernel") || function == "cudaGraphLaunch" ||
      function == "softgpu_submit")
    return cudaErrorLaunchOutOfResources;
  return cudaErrorUnknown;
}

// Says once what was done.
void tell(Rule& rule, const std::string& what, cudaError_t error) {
  if (rule.happened.exchange(true)) return;
  std::fflush(stdout);
  std::fprintf(stderr, "softgpu: SOFTGPU_FAIL: %s: %s: %s\n", rule.spec.c_str(), what.c_str(),
               cudaGetErrorName(error));
}

}  // namespace

bool read_injections() {
  std::stringstream specs(config().fail);
  for (std::string spec; std::getline(specs, spec, ',');) read_rule(spec);
  return !rules().empty();
}

cudaError_t injected_error(const ApiFunction& f, uint64_t call, uint64_t of_all) {
  for (Rule& rule : rules()) {
    if (!rule.kernel.empty() || (rule.function != nullptr && rule.function != &f)) continue;
    const uint64_t n = rule.function != nullptr ? call : of_all;
    rule.met = n;
    if (!rule.is_due(n)) continue;
    const cudaError_t error = rule.error != cudaSuccess ? rule.error : error_that_suits(f.name);
    tell(rule, "call " + std::to_string(call) + " of " + f.name, error);
    return error;
  }
  return cudaSuccess;
}

cudaError_t injected_kernel_fault(const std::string& kernel) {
  for (Rule& rule : rules()) {
    if (rule.kernel.empty() || kernel.find(rule.kernel) == std::string::npos) continue;
    if (!rule.is_due(++rule.met)) continue;
    const cudaError_t error = rule.error != cudaSuccess ? rule.error : cudaErrorIllegalAddress;
    tell(rule, "kernel " + kernel, error);
    return error;
  }
  return cudaSuccess;
}

void report_missed_injections() {
  for (const Rule& rule : rules()) {
    if (rule.happened) continue;
    std::fprintf(stderr, "softgpu: SOFTGPU_FAIL: %s did not happen: %llu %s\n", rule.spec.c_str(),
                 static_cast<unsigned long long>(rule.met),
                 rule.kernel.empty() ? "calls" : "executions");
  }
}

}  // namespace burin::softgpu
