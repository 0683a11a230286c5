// Runs the threads of a grid on the calling host thread, one at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <random>
#include <vector>

#include "core/fibre.h"
#include "core/kernel.h"
#include "core/race.h"

namespace burin::softgpu {

struct LaunchShape {
  uint32_t grid[3], block[3];
  uint32_t dynamic_shared;
};

struct Barrier {
  uint32_t arrived, expected;  // in threads; expected 0: all that have not exited
  uint32_t waiting_warps;
  uint32_t waiting[32];  // lanes that stand here
  uint32_t line;
  uint32_t sum, all, any;  // of the predicates of bar.red
  uint32_t result_sum, result_all, result_any;
};

struct Warp {
  uint32_t exists, exited, ready;
  uint32_t in_operation;  // lanes that wait in a warp-wide instruction
  uint32_t in_activemask;
  WarpOp operation[32];
  uint32_t mask[32];
  WarpArgs* arguments[32];
};

// A block that runs. When all its threads only spin it is put aside, as it stands, and another
// block gets its turn: pointers into it stay valid, since the vectors and stacks move with their
// storage.
struct BlockState {
  Block block_{};
  std::vector<Thread> threads_;
  std::vector<uint8_t> shared_;
  Warp warps_[32];
  Barrier barriers_[16];
  uint32_t barriers_in_use_ = 0;
  uint32_t ready_warps_ = 0, current_warp_ = 0;
  uint32_t live_ = 0;
  uint64_t spins_ = 0;  // out_of_fuel calls since a barrier or the end of a thread
  Stacks stacks_;
  RaceChecker races_;
  AccessGatherer gatherer_;
};

class Scheduler : private BlockState {
 public:
  static Scheduler& get();

  // Runs the kernel to its end. Returns a cudaError (0 or the fault's).
  int run(Kernel& kernel, const LaunchShape& shape, const uint8_t* parameters);

  bool is_running() const { return running_ != nullptr; }
  Kernel* kernel() const { return running_; }
  Thread* current() const { return current_; }
  const Stacks& stacks() const { return stacks_; }
  RaceChecker& races() { return races_; }
  void note_access(const Thread* t, uint32_t site, uint64_t address, uint32_t size, Space space,
                   Access access) {
    const uint32_t lanes = block_.threads - t->warp * 32;
    gatherer_.note(t, site, address, size, space, access, lanes >= 32 ? ~0u : (1u << lanes) - 1,
                   running_->counters);
  }
  const Thread& thread(uint32_t linear) const { return threads_[linear]; }
  // Ends the kernel with a cudaError; called on a fibre, does not return.
  [[noreturn]] void stop(int error);

  // ---- What kernels call
  void barrier(Thread* t, uint32_t id, uint32_t count, uint32_t line);
  void barrier_arrive(Thread* t, uint32_t id, uint32_t count, uint32_t line);
  uint32_t barrier_reduce(Thread* t, uint32_t id, uint32_t count, uint32_t operation, bool value,
                          uint32_t line);
  void warp(Thread* t, WarpOp operation, uint32_t mask, WarpArgs* arguments, uint32_t line);
  uint32_t activemask(Thread* t, uint32_t line);
  void out_of_fuel(Thread* t, uint32_t line);
  [[noreturn]] void exit_thread(Thread* t);

 private:
  void prepare(const LaunchShape& shape, const uint8_t* parameters, uint64_t* block_counts);
  void start_block(const LaunchShape& shape, uint64_t index);
  bool finish_block();
  bool resume_parked();
  void progress() { spins_ = 0, progressed_ = true; }
  void run_with_fibres();
  void run_serial();
  void finish(Thread* t);
  static void fibre_body(Thread* t);
  static void serial_body(Thread* t);

  void yield(Thread* t);
  Thread* pick();
  Thread* take(uint32_t warp);
  void make_ready(uint32_t warp, uint32_t lanes);
  bool arrive(Thread* t, Barrier& b, uint32_t id, uint32_t count, uint32_t line);
  bool is_complete(const Barrier& b) const;
  void release(Barrier& b, Thread* running);
  bool try_warp(uint32_t warp, uint32_t mask, Thread* running);
  void resolve_activemask(uint32_t warp);
  void after_exit(uint32_t warp);
  void check_barrier(const Barrier& b, uint32_t id);
  void check_warp(uint32_t index, uint32_t mask, uint32_t needed, uint32_t line);
  [[noreturn]] void report_hang(const char* what);

  Kernel* running_ = nullptr;
  uint32_t warp_count_ = 0;
  Thread* current_ = nullptr;
  void* main_ = nullptr;  // stack pointer of the host thread
  int error_ = 0;
  std::mt19937_64 random_;
  std::vector<uint32_t> thread_order_;
  std::deque<std::unique_ptr<BlockState>> parked_;
  std::vector<std::unique_ptr<BlockState>> spare_;
  bool parking_ = false;
  // Hang detection: when something last happened in any block.
  bool progressed_ = true;  // a thread came to its end
  double spin_start_ = 0;
  uint64_t calls_ = 0;  // of out_of_fuel
};

}  // namespace burin::softgpu
