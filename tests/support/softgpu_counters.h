// The software GPU's counters, read by the program that it runs (docs/softgpu.md#counters). A real
// GPU has none.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace burin::test {

// What a kernel did since the last reset, all launches together.
struct KernelCount {
  std::string kernel;
  int64_t launches = 0, blocks = 0, threads = 0;
  int64_t instructions = 0;  // of all threads
  // 32-byte sectors of global memory
  int64_t load_sectors = 0, store_sectors = 0, atomic_sectors = 0;
  int64_t shared_requests = 0, bank_conflicts = 0;
  int64_t barriers = 0, matrix_products = 0;

  int64_t sectors() const { return load_sectors + store_sectors + atomic_sectors; }
};

// Whether there are counters: on the software GPU, started with --count.
bool counters_available();
void reset_counters();
// Of the kernels launched since; waits for the device. Empty if there are no counters.
std::vector<KernelCount> kernel_counts();
// All of them together, named by the number of kernels.
KernelCount total_count();

// "Burin software GPU", the GPU's own name, or "none: <why>".
std::string device_name();

}  // namespace burin::test
