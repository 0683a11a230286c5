// Counters of a kernel: exact and the same on each run.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "device/abi.h"

namespace burin::softgpu {

struct KernelCounters {
  uint64_t launches = 0, blocks = 0, threads = 0;
  uint64_t instructions[12] = {};  // of each class, summed over threads; see translator.h
  // Global memory, a warp's access at a time: 32-byte sectors moved, and the least that would hold
  // the bytes asked for.
  uint64_t load_requests = 0, load_sectors = 0, load_least = 0;
  uint64_t store_requests = 0, store_sectors = 0, store_least = 0;
  uint64_t atomic_requests = 0, atomic_sectors = 0;
  // Shared memory: passes through the 32 banks, and those beyond the least.
  uint64_t shared_requests = 0, shared_passes = 0, shared_conflicts = 0;
  uint64_t barriers = 0;         // completed, a block at a time
  uint64_t matrix_products = 0;  // mma instructions, a warp at a time
  uint64_t warp_operations = 0;  // shuffles, votes, ..., a warp at a time
};

// Gathers the accesses of the lanes of a warp: the k-th execution of the same instruction by each
// lane counts as one access of the warp.
class AccessGatherer {
 public:
  void start_block(uint32_t threads, uint32_t sites);
  void note(const Thread* t, uint32_t site, uint64_t address, uint32_t size, Space space,
            Access access, uint32_t existing_lanes, KernelCounters& counters);
  void finish_block(KernelCounters& counters);

 private:
  struct Group {
    uint64_t address[32];
    uint32_t lanes = 0, size = 0;
    Space space;
    Access access;
  };
  static void account(const Group& g, KernelCounters& counters);

  uint32_t sites_ = 0;
  std::vector<uint32_t> occurrences_;
  std::unordered_map<uint64_t, Group> groups_;
};

struct Kernel;
// A JSON object: "kernels", a list of those that were launched and of the libraries' calls that
// stand for kernels, by name; "api", the number of calls of each function of the runtime.
void write_counters_json(std::ostream& out, const std::vector<Kernel*>& kernels,
                         const std::map<std::string, KernelCounters>& library_calls,
                         const std::map<std::string, uint64_t>& api_calls);

}  // namespace burin::softgpu
