#include "core/api.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "core/arena.h"
#include "core/config.h"
#include "core/print.h"
#include "core/report.h"
#include "core/rounding.h"
#include "core/scheduler.h"

namespace burin::softgpu {
namespace {

constexpr int kIllegalAddress = 700, kAssert = 710, kMisaligned = 716, kLaunchFailure = 719;

std::string hex(u64 v) {
  char s[24];
  std::snprintf(s, sizeof s, "%#lx", v);
  return s;
}

const char* verb(Access a) {
  return a == Access::kRead ? "read" : a == Access::kWrite ? "write" : "atomic access";
}

// "8 bytes after an allocation of 400 bytes at 0x..."
std::string neighbourhood(u64 address) {
  const Arena& arena = Arena::get();
  u64 begin = 0, bytes = 0;
  if (arena.was_freed(address, &begin, &bytes)) {
    return "inside freed memory that began at " + hex(begin);
  }
  const Arena::Allocation* a = arena.live_below(address, &begin);
  if (a == nullptr) return "no allocation is near";
  if (address - begin < a->bytes)
    return "inside the allocation of " + std::to_string(a->bytes) + " bytes at " + hex(begin);
  return std::to_string(address - begin - a->bytes) + " bytes after the end of the allocation of " +
         std::to_string(a->bytes) + " bytes at " + hex(begin);
}

std::string access_text(const Thread* t, u64 address, u32 size, Access access, const char* space,
                        u32 line) {
  return std::string(verb(access)) + " of " + std::to_string(size) + " bytes at " + space + " " +
         hex(address) + " by " + who(t) + " in " + where(line);
}

void fault_address(Thread* t, u64 address, u32 size, Space space, Access access, u32 line) {
  const bool misaligned = (address & (size - 1)) != 0;
  const char* const name = space == Space::kShared  ? "shared offset"
                           : space == Space::kLocal ? "local address"
                                                    : "address";
  std::string text =
      (misaligned ? "misaligned " : "invalid ") + access_text(t, address, size, access, name, line);
  if (space == Space::kShared) {
    text += ": the block has " + std::to_string(t->block->shared_exact) + " bytes of shared memory";
  } else if (Arena::is_device(address) && !misaligned) {
    text += ": " + neighbourhood(address);
  } else if (!misaligned && space == Space::kGlobal) {
    text += ": not device memory";
  }
  report("memcheck", running_kernel() + std::to_string(line), text);
  Scheduler::get().stop(misaligned ? kMisaligned : kIllegalAddress);
}

void bad_state(Thread* t, u64 address, u32 size, Access access, u32 line) {
  const auto* state = reinterpret_cast<const u8*>(address + kStateOffset);
  bool allocated = true, written = true;
  for (u32 k = 0; k < size; ++k) {
    allocated &= (state[k] & kStateAllocated) != 0;
    written &= (state[k] & kStateWritten) != 0;
  }
  const std::string text = access_text(t, address, size, access, "address", line);
  if (!allocated && config().memcheck) {
    report("memcheck", running_kernel() + std::to_string(line),
           "invalid " + text + ": " + neighbourhood(address));
    Scheduler::get().stop(kIllegalAddress);
  }
  if (!written && access != Access::kWrite && config().initcheck) {
    report("initcheck", running_kernel() + std::to_string(line),
           text + ": nothing was written there; " + neighbourhood(address));
  }
}

void trap(Thread* t, u32 line) {
  report("kernel", running_kernel() + std::to_string(line),
         "trap by " + who(t) + " in " + where(line));
  Scheduler::get().stop(kLaunchFailure);
}

void assert_fail(Thread* t, u64 message, u64 file, u32 source_line, u64 function, u32) {
  std::fflush(stdout);
  std::fprintf(stderr, "%s:%u: %s: block: [%u,%u,%u], thread: [%u,%u,%u] Assertion `%s` failed.\n",
               device_string(file), source_line, device_string(function), t->block->ctaid[0],
               t->block->ctaid[1], t->block->ctaid[2], t->tid[0], t->tid[1], t->tid[2],
               device_string(message));
  Scheduler::get().stop(kAssert);
}

void grow_copies(Thread* t) {
  if (t->copy_group_end == nullptr)
    t->copy_group_end = static_cast<u32*>(std::calloc(64, sizeof(u32)));
  if (t->copy_groups == 64) {
    report("kernel", running_kernel() + "groups",
           "more than 64 groups of cp.async in flight, by " + who(t) + " in " + running_kernel());
    Scheduler::get().stop(kLaunchFailure);
  }
  if (t->copies == t->copy_capacity) {
    t->copy_capacity = t->copy_capacity == 0 ? 16 : 2 * t->copy_capacity;
    t->copy = static_cast<AsyncCopy*>(std::realloc(t->copy, t->copy_capacity * sizeof(AsyncCopy)));
  }
}

void device_free(Thread* t, u64 address, u32 line) {
  if (address == 0 || Arena::get().release(address)) return;
  report("memcheck", running_kernel() + std::to_string(line),
         "free of " + hex(address) + ", which is no live allocation, by " + who(t) + " in " +
             where(line));
  Scheduler::get().stop(kIllegalAddress);
}

u64 clock_ticks() {
  return static_cast<u64>(std::chrono::steady_clock::now().time_since_epoch().count());
}

Api make_api() {
  Api api{};
  api.fault_address = &fault_address;
  api.bad_state = &bad_state;
  api.race_subword = [](Thread* t, RaceRecord* r, u64 address, u32 size, Access access, bool strong,
                        u32 line, Space space) {
    Scheduler::get().races().subword(t, r, address, size, access, strong, line, space);
  };
  api.race_found = &RaceChecker::found;
  api.note_access = [](Thread* t, u32 site, u64 address, u32 size, Space space, Access access) {
    Scheduler::get().note_access(t, site, address, size, space, access);
  };
  api.barrier = [](Thread* t, u32 id, u32 count, u32 line) {
    Scheduler::get().barrier(t, id, count, line);
  };
  api.barrier_arrive = [](Thread* t, u32 id, u32 count, u32 line) {
    Scheduler::get().barrier_arrive(t, id, count, line);
  };
  api.barrier_reduce = [](Thread* t, u32 id, u32 count, u32 operation, bool value, u32 line) {
    return Scheduler::get().barrier_reduce(t, id, count, operation, value, line);
  };
  api.warp = [](Thread* t, WarpOp operation, u32 mask, WarpArgs* arguments, u32 line) {
    Scheduler::get().warp(t, operation, mask, arguments, line);
  };
  api.activemask = [](Thread* t, u32 line) { return Scheduler::get().activemask(t, line); };
  api.out_of_fuel = [](Thread* t, u32 line) { Scheduler::get().out_of_fuel(t, line); };
  api.exit = [](Thread* t) { Scheduler::get().exit_thread(t); };
  api.trap = &trap;
  api.assert_fail = &assert_fail;
  api.print = &device_print;
  api.device_malloc = [](Thread*, u64 size) {
    return static_cast<u64>(Arena::get().allocate(size));
  };
  api.device_free = &device_free;
  api.grow_copies = &grow_copies;
  api.clock = &clock_ticks;
  fill_rounding(api);
  return api;
}

}  // namespace

const Api* kernel_api() {
  static const Api api = make_api();
  return &api;
}

}  // namespace burin::softgpu
