#include "kernels/common/parallel.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

namespace burin::cpu {
namespace {

// One parallel region. The chunks are claimed one by one, so a thread that the system has put aside
// holds up one chunk at most.
struct Region {
  detail::ChunkFunction function = nullptr;
  const void* body = nullptr;
  int64_t count = 0;
  int64_t grain = 1;
};

// Set while this thread works on a region: a parallel_for inside one runs in place.
thread_local bool inside_region = false;

class ThreadPool {
 public:
  ~ThreadPool() {
    stop_ = true;
    epoch_.fetch_add(1);
    epoch_.notify_all();
    for (std::thread& worker : workers_) worker.join();
  }

  int limit() const { return limit_; }

  // Threads are started when they are first needed and then kept, so that the limit may change from
  // step to step at no cost.
  void set_limit(int threads) {
    while (static_cast<int>(workers_.size()) + 1 < threads) {
      workers_.emplace_back([this, seen = epoch_.load()] { work(seen); });
    }
    limit_ = threads;
  }

  void run(const Region& region) {
    region_ = region;
    next_.store(0, std::memory_order_relaxed);
    // Workers join through `entered_`; it is open from here until the caller has run out of chunks.
    entered_.store(0, std::memory_order_release);
    epoch_.fetch_add(1, std::memory_order_release);
    epoch_.notify_all();
    claim_chunks();
    // Close the door, then wait for those inside. A worker that wakes later finds it closed and
    // goes back to sleep: nobody waits for a thread that had no chunk.
    int inside = entered_.fetch_or(kClosed, std::memory_order_acq_rel);
    while (inside != 0) {
      entered_.wait(inside | kClosed, std::memory_order_acquire);
      inside = entered_.load(std::memory_order_acquire) & ~kClosed;
    }
  }

 private:
  static constexpr int kClosed = 1 << 30;

  void claim_chunks() {
    const int64_t chunks = (region_.count + region_.grain - 1) / region_.grain;
    for (;;) {
      const int64_t chunk = next_.fetch_add(1, std::memory_order_relaxed);
      if (chunk >= chunks) return;
      const int64_t begin = chunk * region_.grain;
      region_.function(region_.body, begin, std::min(begin + region_.grain, region_.count));
    }
  }

  void work(uint32_t seen) {
    inside_region = true;
    for (;;) {
      epoch_.wait(seen, std::memory_order_acquire);
      seen = epoch_.load(std::memory_order_acquire);
      if (stop_) return;
      int state = entered_.load(std::memory_order_acquire);
      bool inside = false;
      while (state < limit_ - 1 && !inside) {  // kClosed is above any limit
        inside = entered_.compare_exchange_weak(state, state + 1, std::memory_order_acq_rel);
      }
      if (!inside) continue;
      claim_chunks();
      if (entered_.fetch_sub(1, std::memory_order_acq_rel) == (kClosed | 1)) entered_.notify_one();
    }
  }

  std::vector<std::thread> workers_;
  std::atomic<int> limit_{1};
  Region region_;
  std::atomic<bool> stop_{false};
  alignas(64) std::atomic<uint32_t> epoch_{0};
  alignas(64) std::atomic<int64_t> next_{0};
  alignas(64) std::atomic<int> entered_{kClosed};
};

ThreadPool& pool() {
  static ThreadPool instance;
  return instance;
}

}  // namespace

int available_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return std::max(1, CPU_COUNT(&set));
}

void set_threads(int threads) {
  pool().set_limit(threads == 0 ? available_processors() : std::max(1, threads));
}

int threads() {
  return pool().limit();
}

namespace detail {

void run_chunks(int64_t count, int64_t grain, ChunkFunction function, const void* body) {
  if (count <= 0) return;
  if (count <= grain || inside_region || pool().limit() == 1) {
    for (int64_t begin = 0; begin < count; begin += grain) {
      function(body, begin, std::min(begin + grain, count));
    }
    return;
  }
  inside_region = true;
  pool().run({function, body, count, grain});
  inside_region = false;
}

}  // namespace detail
}  // namespace burin::cpu
