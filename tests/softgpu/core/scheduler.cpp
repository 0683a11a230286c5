#include "core/scheduler.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstring>
#include <numeric>

#include "core/config.h"
#include "core/fault.h"
#include "core/report.h"

namespace burin::softgpu {
namespace {

constexpr int64_t kFuel = 1 << 8;
constexpr size_t kMostParked = 256;  // blocks that wait while others run
constexpr size_t kStack = 64 << 10;

double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

Scheduler& Scheduler::get() {
  static Scheduler* const s = new Scheduler;
  return *s;
}

// ---- Grids and blocks
// ----------------------------------------------------------------------------
int Scheduler::run(Kernel& kernel, const LaunchShape& shape, const uint8_t* parameters) {
  const KernelImage& image = *kernel.image;
  running_ = &kernel;
  error_ = 0;
  std::vector<uint64_t> block_counts(image.basic_blocks + 1);
  prepare(shape, parameters, block_counts.data());
  thread_order_.resize(block_.threads);
  std::iota(thread_order_.begin(), thread_order_.end(), 0u);
  const uint64_t blocks = uint64_t{shape.grid[0]} * shape.grid[1] * shape.grid[2];
  std::vector<uint64_t> block_order;
  if (config().shuffle) {
    random_.seed(config().seed ^ kernel.counters.launches * 0x9e3779b97f4a7c15ull);
    block_order.resize(blocks);
    std::iota(block_order.begin(), block_order.end(), 0ull);
    std::shuffle(block_order.begin(), block_order.end(), random_);
  }
  ++kernel.counters.launches;
  progressed_ = true;
  {
    const FaultGuard guard;
    for (uint64_t b = 0; b < blocks && error_ == 0; ++b) {
      start_block(shape, config().shuffle ? block_order[b] : b);
      if (image.needs_fibres)
        run_with_fibres();
      else
        run_serial();
      if (finish_block()) continue;
      // The block waits for others: they run beside it.
      while (error_ == 0 && (b + 1 == blocks || parked_.size() >= kMostParked) && resume_parked()) {
      }
      if (b + 1 < blocks && error_ == 0) prepare(shape, parameters, block_counts.data());
    }
    while (error_ == 0 && resume_parked()) {
    }
    for (auto& p : parked_) spare_.push_back(std::move(p));
    parked_.clear();
  }
  kernel.counters.blocks += blocks;
  kernel.counters.threads += blocks * shape.block[0] * shape.block[1] * shape.block[2];
  for (uint32_t b = 0; b < image.basic_blocks; ++b) {
    for (size_t c = 0; c < 12; ++c)
      kernel.counters.instructions[c] += block_counts[b] * image.classes[b][c];
  }
  running_ = nullptr;
  return error_;
}

// True if the block came to its end; else it was put aside, and the current state is another's.
bool Scheduler::finish_block() {
  if (!parking_) {
    if (config().counting()) gatherer_.finish_block(running_->counters);
    return true;
  }
  parking_ = false;
  std::unique_ptr<BlockState> other;
  if (spare_.empty()) {
    other = std::make_unique<BlockState>();
  } else {
    other = std::move(spare_.back());
    spare_.pop_back();
  }
  std::swap(static_cast<BlockState&>(*this), *other);
  parked_.push_back(std::move(other));
  return false;
}

// Lets the block that was put aside first go on. False if there is none.
bool Scheduler::resume_parked() {
  if (parked_.empty()) return false;
  std::swap(static_cast<BlockState&>(*this), *parked_.front());
  spare_.push_back(std::move(parked_.front()));
  parked_.pop_front();
  spins_ = 0;
  current_ = pick();
  softgpu_switch(&main_, current_->stack_pointer);
  current_ = nullptr;
  finish_block();
  return true;
}

// Memory, stacks and thread numbers for blocks of this shape.
void Scheduler::prepare(const LaunchShape& shape, const uint8_t* parameters,
                        uint64_t* block_counts) {
  const KernelImage& image = *running_->image;
  const uint32_t threads = shape.block[0] * shape.block[1] * shape.block[2];
  block_ = {};
  std::copy_n(shape.grid, 3, block_.nctaid);
  std::copy_n(shape.block, 3, block_.ntid);
  block_.threads = threads;
  const uint32_t before_dynamic = (image.static_shared + 15) / 16 * 16;
  block_.shared_exact =
      shape.dynamic_shared == 0 ? image.static_shared : before_dynamic + shape.dynamic_shared;
  block_.shared_size = (block_.shared_exact + 15) / 16 * 16;
  block_.dynamic_shared = shape.dynamic_shared;
  block_.params = parameters;
  block_.block_counts = block_counts;
  shared_.resize(block_.shared_size + 64);
  block_.shared =
      reinterpret_cast<uint8_t*>((reinterpret_cast<uint64_t>(shared_.data()) + 63) / 64 * 64);
  stacks_.need(threads, kStack + image.local_bytes);
  if (threads_.size() < threads) threads_.resize(threads);
  warp_count_ = (threads + 31) / 32;
  for (uint32_t i = 0; i < threads; ++i) {
    Thread& t = threads_[i];
    t.tid[0] = i % shape.block[0];
    t.tid[1] = i / shape.block[0] % shape.block[1];
    t.tid[2] = i / shape.block[0] / shape.block[1];
    t.linear = i, t.lane = i % 32, t.warp = i / 32;
    t.block = &block_;
    t.stack_low = stacks_.low(i);
    t.stack_size = stacks_.usable();
  }
}

void Scheduler::start_block(const LaunchShape& shape, uint64_t index) {
  block_.ctaid[0] = static_cast<uint32_t>(index % shape.grid[0]);
  block_.ctaid[1] = static_cast<uint32_t>(index / shape.grid[0] % shape.grid[1]);
  block_.ctaid[2] = static_cast<uint32_t>(index / shape.grid[0] / shape.grid[1]);
  live_ = block_.threads;
  spins_ = 0;
  // Shared memory holds no zeros that a kernel might come to rely on.
  std::memset(block_.shared, 0xff, block_.shared_size);
  for (uint32_t i = 0; i < block_.threads; ++i) {
    Thread& t = threads_[i];
    t.fuel = kFuel;
    t.copies = t.copy_groups = 0;
  }
  if (config().racecheck) races_.start_block(block_, threads_);
  if (config().counting()) gatherer_.start_block(block_.threads, running_->image->sites);
  if (config().shuffle) std::shuffle(thread_order_.begin(), thread_order_.end(), random_);
}

void Scheduler::run_serial() {
  // All threads one after the other on the first stack.
  for (uint32_t i = 0; i < block_.threads; ++i) {
    threads_[i].stack_low = stacks_.low(0);
  }
  Thread first = threads_[0];
  prepare_fibre(&first, &Scheduler::serial_body);
  softgpu_switch(&main_, first.stack_pointer);
}

void Scheduler::serial_body(Thread*) {
  Scheduler& s = get();
  const auto entry = s.running_->image->entry;
  for (uint32_t i = 0; i < s.block_.threads; ++i) {
    s.current_ = &s.threads_[s.thread_order_[i]];
    entry(s.current_);
    s.progress();
  }
  s.current_ = nullptr;
  void* ignored = nullptr;
  softgpu_switch(&ignored, s.main_);
  __builtin_unreachable();
}

void Scheduler::run_with_fibres() {
  std::memset(barriers_, 0, sizeof barriers_);
  barriers_in_use_ = 0;
  ready_warps_ = 0;
  for (uint32_t w = 0; w < warp_count_; ++w) {
    const uint32_t lanes = std::min(block_.threads - 32 * w, 32u);
    Warp& warp = warps_[w];
    warp.exists = lanes == 32 ? ~0u : (1u << lanes) - 1;
    warp.exited = warp.in_operation = warp.in_activemask = 0;
    warp.ready = warp.exists;
    ready_warps_ |= 1u << w;
  }
  for (uint32_t i = 0; i < block_.threads; ++i) prepare_fibre(&threads_[i], &Scheduler::fibre_body);
  current_warp_ = 0;
  Thread* const first = pick();
  current_ = first;
  softgpu_switch(&main_, first->stack_pointer);
  current_ = nullptr;
}

void Scheduler::fibre_body(Thread* t) {
  Scheduler& s = get();
  s.running_->image->entry(t);
  s.finish(t);
}

void Scheduler::exit_thread(Thread* t) {
  finish(t);
  __builtin_unreachable();
}

void Scheduler::finish(Thread* t) {
  Warp& warp = warps_[t->warp];
  warp.exited |= 1u << t->lane;
  progress();
  void* ignored = nullptr;
  if (--live_ == 0) softgpu_switch(&ignored, main_);
  if (barriers_in_use_ != 0 || warp.in_operation != 0) after_exit(t->warp);
  Thread* const next = pick();
  if (next == nullptr) report_hang("threads wait for others that have exited or wait elsewhere");
  current_ = next;
  softgpu_switch(&ignored, next->stack_pointer);
  __builtin_unreachable();
}

void Scheduler::stop(int error) {
  error_ = error;
  current_ = nullptr;
  void* ignored = nullptr;
  softgpu_switch(&ignored, main_);
  __builtin_unreachable();
}

// ---- Choosing the next thread
// --------------------------------------------------------------------
void Scheduler::make_ready(uint32_t warp, uint32_t lanes) {
  warps_[warp].ready |= lanes;
  if (lanes != 0) ready_warps_ |= 1u << warp;
}

Thread* Scheduler::take(uint32_t w) {
  Warp& warp = warps_[w];
  uint32_t lane = static_cast<uint32_t>(std::countr_zero(warp.ready));
  if (config().shuffle) {
    for (auto skip = random_() % static_cast<uint32_t>(std::popcount(warp.ready)); skip > 0;
         --skip) {
      lane = static_cast<uint32_t>(std::countr_zero(warp.ready & ~((2u << lane) - 1)));
    }
  }
  warp.ready &= ~(1u << lane);
  if (warp.ready == 0) ready_warps_ &= ~(1u << w);
  current_warp_ = w;
  return &threads_[w * 32 + lane];
}

Thread* Scheduler::pick() {
  for (;;) {
    if (warps_[current_warp_].ready != 0 && !config().shuffle) return take(current_warp_);
    // A warp whose lanes all stand: those at the same activemask are converged.
    for (uint32_t w = 0; w < warp_count_; ++w) {
      if (warps_[w].in_activemask != 0 && warps_[w].ready == 0) resolve_activemask(w);
    }
    if (ready_warps_ == 0) return nullptr;
    if (config().shuffle) {
      uint32_t choice = ready_warps_;
      for (auto skip = random_() % static_cast<uint32_t>(std::popcount(choice)); skip > 0; --skip)
        choice &= choice - 1;
      return take(static_cast<uint32_t>(std::countr_zero(choice)));
    }
    const uint32_t later = ready_warps_ & ~((2u << current_warp_) - 1);
    return take(static_cast<uint32_t>(std::countr_zero(later != 0 ? later : ready_warps_)));
  }
}

void Scheduler::yield(Thread* t) {
  Thread* const next = pick();
  if (next == nullptr) report_hang("no thread of the block can go on");
  if (next == t) return;
  current_ = next;
  softgpu_switch(&t->stack_pointer, next->stack_pointer);
}

void Scheduler::resolve_activemask(uint32_t w) {
  Warp& warp = warps_[w];
  const uint32_t line =
      threads_[w * 32 + static_cast<uint32_t>(std::countr_zero(warp.in_activemask))].line;
  uint32_t together = 0;
  for (uint32_t m = warp.in_activemask; m != 0; m &= m - 1) {
    const auto lane = static_cast<uint32_t>(std::countr_zero(m));
    if (threads_[w * 32 + lane].line == line) together |= 1u << lane;
  }
  for (uint32_t m = together; m != 0; m &= m - 1) warp.mask[std::countr_zero(m)] = together;
  warp.in_activemask &= ~together;
  make_ready(w, together);
}

uint32_t Scheduler::activemask(Thread* t, uint32_t line) {
  t->line = line;
  warps_[t->warp].in_activemask |= 1u << t->lane;
  yield(t);
  return warps_[t->warp].mask[t->lane];
}

void Scheduler::out_of_fuel(Thread* t, uint32_t line) {
  t->fuel = kFuel;
  t->line = line;
  if (progressed_ || ++calls_ % 256 == 0) {
    const double now = seconds();
    if (progressed_) spin_start_ = now;
    progressed_ = false;
    if (now - spin_start_ > config().hang_seconds) {
      report_hang("a thread loops without end, or for longer than SOFTGPU_HANG_SECONDS");
    }
  }
  if (!running_->image->needs_fibres) return;
  make_ready(t->warp, 1u << t->lane);
  Thread* next = nullptr;
  uint64_t ready = 0;
  for (uint32_t w = ready_warps_; w != 0; w &= w - 1) {
    ready += static_cast<uint32_t>(std::popcount(warps_[std::countr_zero(w)].ready));
  }
  if (++spins_ > 2 * ready && running_->image->may_wait) {
    // Every thread has had its turn and only spins: on what another block is to write, perhaps.
    parking_ = true;
    current_ = nullptr;
    softgpu_switch(&t->stack_pointer, main_);
    return;
  }
  // Others first: what this thread spins on may be theirs to write.
  const uint32_t later = ready_warps_ & ~((2u << t->warp) - 1);
  const uint32_t after = warps_[t->warp].ready & ~((2u << t->lane) - 1);
  if (after != 0) {
    const auto lane = static_cast<uint32_t>(std::countr_zero(after));
    warps_[t->warp].ready &= ~(1u << lane);
    next = &threads_[t->warp * 32 + lane];
  } else {
    next = take(static_cast<uint32_t>(std::countr_zero(later != 0 ? later : ready_warps_)));
  }
  if (next == t) return;
  current_ = next;
  softgpu_switch(&t->stack_pointer, next->stack_pointer);
}

}  // namespace burin::softgpu
