// Kernels with one bug each, and the same kernels repaired. `softgpu_planted NAME` runs one of
// them; planted_test.cpp says what must be reported.
#pragma once

#include <cuda_runtime.h>

#include <map>
#include <string>

using Case = int (*)();  // returns the process's exit code
std::map<std::string, Case>& cases();

struct Register {
  Register(const char* name, Case run) { cases()[name] = run; }
};
#define CASE(name)                                          \
  static int run_##name();                                  \
  static const Register register_##name(#name, run_##name); \
  static int run_##name()

// Device memory of n ints, 0, 1, 2, ...; freed at the end of the scope.
class Ints {
 public:
  explicit Ints(int n, bool written = true);
  ~Ints() { cudaFree(data); }
  Ints(const Ints&) = delete;
  int* data = nullptr;
};

// 0 if the device is well, else the number of the error.
int finish();
