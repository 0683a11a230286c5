#include "core/race.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "core/report.h"

namespace burin::softgpu {
namespace {

uint32_t clock_of(uint32_t stamp) {
  return stamp >> kStampClockShift;
}
uint32_t stamp_of(uint32_t clock, uint32_t linear) {
  return clock << kStampClockShift | linear;
}

}  // namespace

void RaceChecker::start_block(Block& block, std::vector<Thread>& threads) {
  static uint32_t blocks = 0;
  generation_ = blocks += 2;
  block.generation = generation_;
  shared_.resize(block.shared_size / 4 + 4);
  block.shared_race = shared_.data();
  block.clocks = clocks_;
  std::memset(clocks_, 0, sizeof clocks_);
  std::memset(at_barrier_, 0, sizeof at_barrier_);
  bytes_.clear();
  for (uint32_t i = 0; i < block.threads; ++i) threads[i].stamp = stamp_of(1, i);
}

void RaceChecker::arrive(const Thread& t, uint32_t barrier, bool waits) {
  uint32_t* const known = at_barrier_[barrier].clock;
  known[t.warp] = std::max(known[t.warp], clock_of(t.stamp));
  if (!waits) {
    for (uint32_t v = 0; v < 32; ++v) known[v] = std::max(known[v], clocks_[t.warp][v]);
  }
}

void RaceChecker::release(uint32_t barrier, const uint32_t waiting[32],
                          std::vector<Thread>& threads) {
  uint32_t* const known = at_barrier_[barrier].clock;
  for (uint32_t w = 0; w < 32; ++w) {
    if (waiting[w] == 0) continue;
    for (uint32_t v = 0; v < 32; ++v) known[v] = std::max(known[v], clocks_[w][v]);
  }
  for (uint32_t w = 0; w < 32; ++w) {
    if (waiting[w] == 0) continue;
    std::memcpy(clocks_[w], known, sizeof clocks_[w]);
    for (uint32_t lanes = waiting[w]; lanes != 0; lanes &= lanes - 1) {
      const uint32_t linear = w * 32 + static_cast<uint32_t>(__builtin_ctz(lanes));
      threads[linear].stamp = stamp_of(known[w] + 1, linear);
    }
  }
  std::memset(known, 0, sizeof at_barrier_[barrier].clock);
}

void RaceChecker::sync_warp(uint32_t warp, uint32_t lanes, std::vector<Thread>& threads) {
  uint32_t highest = 0;
  for (uint32_t m = lanes; m != 0; m &= m - 1) {
    highest = std::max(
        highest, clock_of(threads[warp * 32 + static_cast<uint32_t>(__builtin_ctz(m))].stamp));
  }
  for (uint32_t m = lanes; m != 0; m &= m - 1) {
    const uint32_t linear = warp * 32 + static_cast<uint32_t>(__builtin_ctz(m));
    threads[linear].stamp = stamp_of(highest + 1, linear);
  }
}

bool RaceChecker::happened_before(const Thread& t, uint32_t stamp) const {
  const uint32_t thread = stamp & kStampThreads, warp = thread >> 5;
  if (warp == t.warp) return thread == t.linear || clock_of(stamp) < clock_of(t.stamp);
  return clock_of(stamp) <= clocks_[t.warp][warp];
}

bool RaceChecker::conflicts(const Thread& t, uint32_t stamp, bool strong) const {
  if (stamp == 0 || (strong && (stamp & kStampStrong) != 0)) return false;
  return !happened_before(t, stamp);
}

void RaceChecker::record(Thread* t, RaceRecord& r, uint64_t address, Access access, bool strong,
                         uint32_t line, Space space) {
  const uint32_t stamp = t->stamp | (strong ? kStampStrong : 0);
  if (conflicts(*t, r.write, strong))
    found(t, r.write, r.write_line, address, access, true, line, space);
  if (access == Access::kRead) {
    const bool other = r.read[0] != 0 && (r.read[0] & kStampThreads) != t->linear &&
                       !happened_before(*t, r.read[0]);
    r.read[other] = stamp;
    r.read_line[other] = line;
    return;
  }
  for (int i = 0; i < 2; ++i) {
    if (conflicts(*t, r.read[i], strong))
      found(t, r.read[i], r.read_line[i], address, access, false, line, space);
  }
  r.write = stamp;
  r.write_line = line;
}

// A word whose bytes are accessed one by one has a record for each byte; `r` then only says so.
void RaceChecker::subword(Thread* t, RaceRecord* r, uint64_t address, uint32_t bytes, Access access,
                          bool strong, uint32_t line, Space space) {
  const uint64_t word = address & ~3ull;
  const uint64_t key = space == Space::kShared ? word | 1ull << 63 : word;
  if (r->generation != (generation_ | 1)) {
    RaceRecord whole = *r;
    if ((r->generation & ~1u) != generation_) whole = {};
    *r = {};
    r->generation = generation_ | 1;
    for (uint64_t k = 0; k < 4; ++k) bytes_[key + k] = whole;
  }
  for (uint32_t k = 0; k < bytes; ++k)
    record(t, bytes_[key + (address & 3) + k], address + k, access, strong, line, space);
}

void RaceChecker::found(const Thread* t, uint32_t other_stamp, uint32_t other_line,
                        uint64_t address, Access access, bool other_writes, uint32_t line,
                        Space space) {
  const auto verb = [](bool writes) { return writes ? "write" : "read"; };
  char place[64];
  if (space == Space::kShared)
    std::snprintf(place, sizeof place, "shared memory at offset %llu",
                  static_cast<unsigned long long>(address));
  else
    std::snprintf(place, sizeof place, "global memory at %#llx",
                  static_cast<unsigned long long>(address));
  const std::string key = running_kernel() + std::to_string(std::min(line, other_line)) + "/" +
                          std::to_string(std::max(line, other_line));
  report("racecheck", key,
         std::string("race on ") + place + ": " +
             (access == Access::kAtomic ? "atomic" : verb(access == Access::kWrite)) + " by " +
             who(t) + " in " + where(line) + ", and " + verb(other_writes) + " by " +
             who(t->block, other_stamp & kStampThreads) + " at " + where(other_line) +
             ", without a barrier between them");
}

}  // namespace burin::softgpu
