#include "core/arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "core/config.h"

namespace burin::softgpu {
namespace {

constexpr uint64_t kStep = 2ull << 20;  // memory becomes accessible in steps of a GPU's page
constexpr uint64_t kAlign = kAllocationStep;
constexpr uint64_t kFillLimit = 16ull << 20;  // larger ones are left as the system gives them
constexpr uint64_t kQuarantine = 32ull << 20;

void reserve(uint64_t address, uint64_t bytes, int protection) {
  void* const wanted = reinterpret_cast<void*>(address);
  void* const got = mmap(wanted, bytes, protection,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
  if (got != wanted) {
    std::fprintf(stderr, "softgpu: cannot reserve address space at %#llx\n",
                 static_cast<unsigned long long>(address));
    std::abort();
  }
}

uint64_t rounded(uint64_t bytes, uint64_t to) {
  return (bytes + to - 1) / to * to;
}

}  // namespace

Arena& Arena::get() {
  static Arena* const arena = new Arena;  // never destroyed: used until the very end of the process
  return *arena;
}

Arena::Arena()
    : end_(kDeviceBase + kStep),
      mapped_end_(kDeviceBase + kStep),
      tracks_(config().state_mask() != 0) {
  reserve(kDeviceBase, 2 * kWindow, PROT_NONE);
  if (tracks_) reserve(kDeviceBase + kStateOffset, kWindow, PROT_READ | PROT_WRITE);
  if (config().racecheck) {
    reserve(kRaceBase, kWindow * sizeof(RaceRecord) / 4, PROT_READ | PROT_WRITE);
  }
}

void Arena::grow(uint64_t end) {
  if (end <= mapped_end_) return;
  const uint64_t to = rounded(end, kStep);
  mprotect(host(mapped_end_), to - mapped_end_, PROT_READ | PROT_WRITE);
  mapped_end_ = to;
}

// Under memcheck allocations are apart, so that an overrun is not a neighbour's access.
uint64_t Arena::footprint(uint64_t bytes) {
  return rounded(std::max<uint64_t>(bytes, 1), kAlign) + (config().memcheck ? kAlign : 0);
}

uint64_t Arena::place(uint64_t bytes) {
  for (auto it = reusable_.begin(); it != reusable_.end(); ++it) {
    if (it->second < bytes) continue;
    const auto [begin, size] = *it;
    reusable_.erase(it);
    if (size > bytes) reusable_[begin + bytes] = size - bytes;
    return begin;
  }
  if (end_ + bytes > kDeviceBase + kWindow) return 0;
  const uint64_t begin = end_;
  end_ += bytes;
  grow(end_);
  return begin;
}

void Arena::make_reusable(uint64_t begin, uint64_t bytes) {
  auto at = reusable_.insert({begin, bytes}).first;
  if (const auto next = std::next(at);
      next != reusable_.end() && at->first + at->second == next->first) {
    at->second += next->second;
    reusable_.erase(next);
  }
  if (at == reusable_.begin()) return;
  const auto before = std::prev(at);
  if (before->first + before->second == at->first) {
    before->second += at->second;
    reusable_.erase(at);
  }
}

// Under memcheck freed memory stays out of use for a while, so that a use after free is seen: until
// kQuarantine bytes were freed after it.
void Arena::put_aside(uint64_t begin, uint64_t bytes) {
  aside_.push_back({begin, bytes});
  aside_bytes_ += bytes;
  while (aside_bytes_ > kQuarantine) {
    const auto [oldest, size] = aside_.front();
    aside_.pop_front();
    aside_bytes_ -= size;
    make_reusable(oldest, size);
  }
}

uint64_t Arena::allocate(uint64_t bytes, bool is_module) {
  const uint64_t size = rounded(std::max<uint64_t>(bytes, 1), kAlign);
  if (size < bytes || (!is_module && used_ + size > config().memory)) return 0;
  const uint64_t begin = place(footprint(bytes));
  if (begin == 0) return 0;
  live_[begin] = {.bytes = bytes, .is_module = is_module};
  if (!is_module) used_ += size;
  if (bytes <= kFillLimit) std::memset(host(begin), 0xff, bytes);
  if (tracks_) std::memset(reinterpret_cast<void*>(begin + kStateOffset), kStateAllocated, bytes);
  return begin;
}

bool Arena::release(uint64_t address) {
  const auto it = live_.find(address);
  if (it == live_.end()) return false;
  const uint64_t size = rounded(std::max<uint64_t>(it->second.bytes, 1), kAlign);
  const uint64_t whole = footprint(it->second.bytes);
  if (tracks_) std::memset(reinterpret_cast<void*>(address + kStateOffset), 0, size);
  used_ -= it->second.is_module ? 0 : size;
  live_.erase(it);
  if (config().memcheck) {
    put_aside(address, whole);
  } else {
    make_reusable(address, whole);
  }
  return true;
}

void Arena::excuse_leak(uint64_t address) {
  if (const auto it = live_.find(address); it != live_.end()) it->second.is_excused = true;
}

const Arena::Allocation* Arena::live_below(uint64_t address, uint64_t* begin) const {
  auto it = live_.upper_bound(address);
  if (it == live_.begin()) return nullptr;
  --it;
  *begin = it->first;
  return &it->second;
}

bool Arena::contains(uint64_t address, uint64_t bytes) const {
  uint64_t begin = 0;
  const Allocation* a = live_below(address, &begin);
  return a != nullptr && address - begin <= a->bytes && bytes <= a->bytes - (address - begin);
}

bool Arena::was_freed(uint64_t address, uint64_t* begin, uint64_t* bytes) const {
  const auto found = [&](uint64_t first, uint64_t size) {
    *begin = first;
    *bytes = size;
    return address >= first && address - first < size;
  };
  for (const auto& [first, size] : aside_) {
    if (found(first, size)) return true;
  }
  const auto it = reusable_.upper_bound(address);
  return it != reusable_.begin() && found(std::prev(it)->first, std::prev(it)->second);
}

void Arena::mark_written(uint64_t address, uint64_t bytes) {
  if (tracks_)
    std::memset(reinterpret_cast<void*>(address + kStateOffset), kStateAllocated | kStateWritten,
                bytes);
}
void Arena::copy_written(uint64_t to, uint64_t from, uint64_t bytes) {
  if (!tracks_) return;
  std::memmove(reinterpret_cast<void*>(to + kStateOffset),
               reinterpret_cast<const void*>(from + kStateOffset), bytes);
}
bool Arena::is_written(uint64_t address) const {
  return !tracks_ ||
         (*reinterpret_cast<const uint8_t*>(address + kStateOffset) & kStateWritten) != 0;
}

}  // namespace burin::softgpu
