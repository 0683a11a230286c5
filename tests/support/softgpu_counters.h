// The software GPU's counters, read by the program that it runs (docs/softgpu.md#counters). A real
// GPU has none.
#pragma once

#include <cstdint>
#include <map>
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

// How often the program called the CUDA runtime since the last reset. What a replayed graph does is
// one cudaGraphLaunch.
struct CallCount {
  std::map<std::string, int64_t> functions;  // <<<launches>>> are cudaLaunchKernel

  int64_t of(const std::string& function) const;
  // The host waits: cudaDeviceSynchronize, cudaStreamSynchronize, cudaEventSynchronize.
  int64_t synchronisations() const;
  int64_t copies() const;       // cudaMemcpy*: also those that do not wait
  int64_t allocations() const;  // cudaMalloc*, cudaHostAlloc
};
// Does not call the runtime itself. Empty if there are no counters. kernel_counts() above waits,
// which counts.
CallCount call_count();

// "Burin software GPU", the GPU's own name, or "none: <why>".
std::string device_name();

}  // namespace burin::test
