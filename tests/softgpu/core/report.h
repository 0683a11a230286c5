// Findings of the checks.
#pragma once

#include <cstdint>
#include <string>

#include "device/abi.h"

namespace burin::softgpu {

// Prints a finding to the error stream: "softgpu: <check>: <what>". The same `key` is printed once
// and counted after that.
void report(const char* check, const std::string& key, const std::string& what);
// Findings so far.
uint64_t findings();
// At the end of the process: leaks, the summary, the exit code.
void finish_reports();

// "thread (1,0,0) of block (2,0,0)"
std::string who(const Thread* t);
std::string who(const Block* b, uint32_t linear_thread);
// "kernel f(int) at PTX line 12 (a.cu:7)", of the kernel that runs.
std::string where(uint32_t line);
std::string running_kernel();
// Plain C++ name of a mangled one.
std::string demangled(const std::string& name);

}  // namespace burin::softgpu
