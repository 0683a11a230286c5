// Happens-before between the threads of a block: vector clocks a warp, one clock a thread.
// Barriers order all that take part; bar.warp.sync orders its lanes. Shuffles and votes order
// nothing, as PTX says. Atomic, volatile, relaxed, acquire and release accesses do not race with
// one another.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "device/abi.h"

namespace burin::softgpu {

class RaceChecker {
 public:
  void start_block(Block& block, std::vector<Thread>& threads);
  // A barrier: each thread arrives, then the ones that wait are released together.
  void arrive(const Thread& t, uint32_t barrier, bool waits);
  void release(uint32_t barrier, const uint32_t waiting[32], std::vector<Thread>& threads);
  void sync_warp(uint32_t warp, uint32_t lanes, std::vector<Thread>& threads);

  void subword(Thread* t, RaceRecord* r, uint64_t address, uint32_t bytes, Access access,
               bool strong, uint32_t line, Space space);
  static void found(const Thread* t, uint32_t other_stamp, uint32_t other_line, uint64_t address,
                    Access access, bool other_writes, uint32_t line, Space space);

 private:
  struct Known {
    uint32_t clock[32];
  };
  bool happened_before(const Thread& t, uint32_t stamp) const;
  bool conflicts(const Thread& t, uint32_t stamp, bool strong) const;
  void record(Thread* t, RaceRecord& r, uint64_t address, Access access, bool strong, uint32_t line,
              Space space);

  uint32_t generation_ = 0;
  uint32_t clocks_[32][32];
  Known at_barrier_[16];
  std::vector<RaceRecord> shared_;
  // Records of single bytes, of words that were accessed in part since the block began.
  std::unordered_map<uint64_t, RaceRecord> bytes_;
};

}  // namespace burin::softgpu
