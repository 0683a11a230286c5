// Barriers and warp-wide instructions: who waits for whom, and what is wrong when nobody comes.
#include <bit>
#include <cstring>
#include <map>

#include "core/config.h"
#include "core/report.h"
#include "core/scheduler.h"
#include "core/warp.h"

namespace burin::softgpu {
namespace {

constexpr int kLaunchTimeout = 702;  // cudaErrorLaunchTimeout
constexpr int kLaunchFailure = 719;  // cudaErrorLaunchFailure

std::string hex(uint32_t v) {
  char s[16];
  std::snprintf(s, sizeof s, "0x%08x", v);
  return s;
}

}  // namespace

// ---- Barriers
// ------------------------------------------------------------------------------------
bool Scheduler::is_complete(const Barrier& b) const {
  return b.arrived >= (b.expected != 0 ? b.expected : live_);
}

// Counts the thread in; true if it was the last.
bool Scheduler::arrive(Thread* t, Barrier& b, uint32_t id, uint32_t count, uint32_t line) {
  if (id >= 16) {
    report("synccheck", running_kernel() + std::to_string(line),
           "barrier " + std::to_string(id) + " does not exist, at " + where(line));
    stop(kLaunchFailure);
  }
  t->line = line;
  if (b.arrived != 0 && b.expected != count && config().synccheck) {
    report("synccheck", running_kernel() + std::to_string(line),
           "barrier " + std::to_string(id) +
               " is used with different numbers of threads: " + who(t) + " in " + where(line));
  }
  b.expected = count;
  ++b.arrived;
  // A counted barrier counts whole warps; the last lane of a partial warp stands for those missing.
  const uint32_t exists = warps_[t->warp].exists;
  if (count != 0 && exists != ~0u && (exists >> t->lane) == 1)
    b.arrived += 32 - static_cast<uint32_t>(std::popcount(exists));
  barriers_in_use_ |= 1u << id;
  return is_complete(b);
}

void Scheduler::release(Barrier& b, Thread* running) {
  const auto id = static_cast<uint32_t>(&b - barriers_);
  if (config().synccheck) check_barrier(b, id);
  if (config().racecheck) races_.release(id, b.waiting, threads_);
  ++running_->counters.barriers;
  spins_ = 0;
  for (uint32_t w = b.waiting_warps; w != 0; w &= w - 1) {
    const auto warp = static_cast<uint32_t>(std::countr_zero(w));
    make_ready(warp, b.waiting[warp]);
    b.waiting[warp] = 0;
  }
  if (running != nullptr) {
    Warp& own = warps_[running->warp];
    own.ready &= ~(1u << running->lane);
    if (own.ready == 0) ready_warps_ &= ~(1u << running->warp);
  }
  b.result_sum = b.sum, b.result_all = b.sum == b.arrived, b.result_any = b.sum != 0;
  b.arrived = b.waiting_warps = b.sum = 0;
  barriers_in_use_ &= ~(1u << id);
}

// A barrier without a count is for every thread of the block, and for a whole warp at a time.
void Scheduler::check_barrier(const Barrier& b, uint32_t id) {
  uint32_t first_line = 0;
  for (uint32_t w = 0; w < warp_count_; ++w) {
    uint32_t line = 0;
    for (uint32_t m = b.waiting[w]; m != 0; m &= m - 1) {
      const Thread& t = threads_[w * 32 + static_cast<uint32_t>(std::countr_zero(m))];
      if (line == 0) line = t.line;
      if (t.line != line) {
        report("synccheck", running_kernel() + std::to_string(line) + "/" + std::to_string(t.line),
               "lanes of one warp meet at different instructions of barrier " + std::to_string(id) +
                   ": one at " + where(line) + ", " + who(&t) + " at " + where(t.line));
      }
    }
    if (line != 0) first_line = line;
  }
  if (b.expected != 0 || live_ == block_.threads) return;
  for (uint32_t w = 0; w < warp_count_; ++w) {
    if (warps_[w].exited == 0) continue;
    const uint32_t linear = w * 32 + static_cast<uint32_t>(std::countr_zero(warps_[w].exited));
    report("synccheck", running_kernel() + std::to_string(first_line),
           "barrier " + std::to_string(id) + " in " + where(first_line) + " is not reached by " +
               std::to_string(block_.threads - live_) + " of " + std::to_string(block_.threads) +
               " threads, which have exited; the first is " + who(&block_, linear));
    return;
  }
}

void Scheduler::barrier(Thread* t, uint32_t id, uint32_t count, uint32_t line) {
  Barrier& b = barriers_[id & 15];
  const bool last = arrive(t, b, id, count, line);
  if (config().racecheck) races_.arrive(*t, id, true);
  b.waiting[t->warp] |= 1u << t->lane;
  b.waiting_warps |= 1u << t->warp;
  if (last) {
    release(b, t);
  } else {
    yield(t);
  }
}

void Scheduler::barrier_arrive(Thread* t, uint32_t id, uint32_t count, uint32_t line) {
  Barrier& b = barriers_[id & 15];
  const bool last = arrive(t, b, id, count, line);
  if (config().racecheck) {
    // What this thread does from here on is not ordered by the barrier.
    races_.arrive(*t, id, false);
    t->stamp += 1u << kStampClockShift;
  }
  if (last) release(b, nullptr);
}

uint32_t Scheduler::barrier_reduce(Thread* t, uint32_t id, uint32_t count, uint32_t operation,
                                   bool value, uint32_t line) {
  Barrier& b = barriers_[id & 15];
  b.sum += value;
  barrier(t, id, count, line);
  return operation == 0 ? b.result_sum : operation == 1 ? b.result_all : b.result_any;
}

// ---- Warp-wide instructions
// ----------------------------------------------------------------------
void Scheduler::warp(Thread* t, WarpOp operation, uint32_t mask, WarpArgs* arguments,
                     uint32_t line) {
  Warp& w = warps_[t->warp];
  const uint32_t own = 1u << t->lane;
  t->line = line;
  if ((mask & own) == 0) {
    report("synccheck", running_kernel() + std::to_string(line),
           "mask " + hex(mask) + " does not name the lane that executes it: " + who(t) + " in " +
               where(line));
    stop(kLaunchFailure);
  }
  w.in_operation |= own;
  w.operation[t->lane] = operation;
  w.mask[t->lane] = mask;
  w.arguments[t->lane] = arguments;
  if (!try_warp(t->warp, mask, t)) yield(t);
}

bool Scheduler::try_warp(uint32_t index, uint32_t mask, Thread* running) {
  Warp& w = warps_[index];
  const uint32_t needed = mask & w.exists & ~w.exited;
  if ((w.in_operation & needed) != needed || needed == 0) return false;
  const auto first = static_cast<uint32_t>(std::countr_zero(needed));
  const WarpOp operation = w.operation[first];
  const uint32_t line = threads_[index * 32 + first].line;
  for (uint32_t m = needed; m != 0; m &= m - 1) {
    const auto lane = static_cast<uint32_t>(std::countr_zero(m));
    if (w.mask[lane] != mask || w.operation[lane] != operation) return false;
  }
  if (config().synccheck) check_warp(index, mask, needed, line);
  if ((operation == WarpOp::kMma || operation == WarpOp::kLdMatrix) && needed != ~0u) {
    report("synccheck", running_kernel() + std::to_string(line),
           "a matrix instruction needs all 32 lanes: " + where(line));
    stop(kLaunchFailure);
  }
  const uint32_t reader = evaluate_warp(operation, needed, w.arguments);
  if (reader < 32 && config().synccheck && (mask & w.exists) == mask) {
    report("synccheck", running_kernel() + std::to_string(line),
           "a shuffle reads a lane that does not take part: " +
               who(&threads_[index * 32 + reader]) + " in " + where(line));
  }
  if (operation == WarpOp::kSyncWarp && config().racecheck)
    races_.sync_warp(index, needed, threads_);
  if (operation == WarpOp::kMma)
    ++running_->counters.matrix_products;
  else
    ++running_->counters.warp_operations;
  w.in_operation &= ~needed;
  make_ready(index, running != nullptr ? needed & ~(1u << running->lane) : needed);
  return true;
}

void Scheduler::check_warp(uint32_t index, uint32_t mask, uint32_t needed, uint32_t line) {
  const Warp& w = warps_[index];
  if ((mask & w.exited) != 0) {
    const uint32_t linear = index * 32 + static_cast<uint32_t>(std::countr_zero(mask & w.exited));
    report("synccheck", running_kernel() + std::to_string(line),
           "mask " + hex(mask) + " in " + where(line) +
               " names lanes that have exited; the first is " + who(&block_, linear));
  }
  if (w.operation[std::countr_zero(needed)] == WarpOp::kSyncWarp) return;
  for (uint32_t m = needed; m != 0; m &= m - 1) {
    const Thread& t = threads_[index * 32 + static_cast<uint32_t>(std::countr_zero(m))];
    if (t.line == line) continue;
    report("synccheck", running_kernel() + std::to_string(line) + "/" + std::to_string(t.line),
           "lanes of one mask execute different instructions: one at " + where(line) + ", " +
               who(&t) + " at " + where(t.line));
    return;
  }
}

// A thread is gone: what waited only for it may go on.
void Scheduler::after_exit(uint32_t warp) {
  for (uint32_t m = barriers_in_use_; m != 0; m &= m - 1) {
    Barrier& b = barriers_[std::countr_zero(m)];
    if (b.arrived != 0 && is_complete(b)) release(b, nullptr);
  }
  for (uint32_t m = warps_[warp].in_operation; m != 0; m &= m - 1) {
    const auto lane = static_cast<uint32_t>(std::countr_zero(m));
    if ((warps_[warp].in_operation >> lane & 1) != 0)
      try_warp(warp, warps_[warp].mask[lane], nullptr);
  }
}

void Scheduler::report_hang(const char* what) {
  std::map<std::string, std::pair<uint32_t, uint32_t>> places;  // text -> first thread, number
  const auto add = [&](uint32_t linear, const std::string& why) {
    const auto [at, is_new] = places.try_emplace(why + where(threads_[linear].line), linear, 0u);
    ++at->second.second;
  };
  std::string text = std::string("hang: ") + what + ", block (" + std::to_string(block_.ctaid[0]) +
                     "," + std::to_string(block_.ctaid[1]) + "," + std::to_string(block_.ctaid[2]) +
                     ") of " + running_kernel();
  uint32_t exited = 0;
  if (!running_->image->needs_fibres) {
    add(current_->linear, "loops at ");
  } else {
    for (uint32_t i = 0; i < block_.threads; ++i) {
      const Warp& w = warps_[i / 32];
      const uint32_t own = 1u << i % 32;
      bool at_barrier = false;
      for (const Barrier& b : barriers_) at_barrier |= (b.waiting[i / 32] & own) != 0;
      if ((w.exited & own) != 0)
        ++exited;
      else if (at_barrier)
        add(i, "wait at a barrier, ");
      else if ((w.in_operation & own) != 0)
        add(i, "wait for mask " + hex(w.mask[i % 32]) + ", ");
      else
        add(i, "loop or could go on, last seen at ");
    }
  }
  for (const auto& [place, who_many] : places) {
    text += "\n    " + std::to_string(who_many.second) + " threads " + place + "; the first is " +
            who(&block_, who_many.first);
  }
  if (exited != 0) text += "\n    " + std::to_string(exited) + " threads have exited";
  report("synccheck", running_kernel() + "hang", text);
  stop(kLaunchTimeout);
}

}  // namespace burin::softgpu
