// Device memory: the address window, its allocations, and the shadow that the checks read.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <utility>

#include "device/abi.h"

namespace burin::softgpu {

class Arena {
 public:
  static Arena& get();

  struct Allocation {
    uint64_t bytes;
    bool is_module;           // a variable of a module rather than cudaMalloc's
    bool is_excused = false;  // no leak: the call that would have freed it was made to fail
  };

  // 0 if there is not enough memory. Aligned to 256 bytes; the contents are 0xff, so that what was
  // never written shows as NaN.
  uint64_t allocate(uint64_t bytes, bool is_module = false);
  // False if `address` is not the beginning of a live allocation.
  bool release(uint64_t address);
  void excuse_leak(uint64_t address);

  static bool is_device(uint64_t address) {
    return address >> kWindowBits == kDeviceBase >> kWindowBits;
  }
  static uint8_t* host(uint64_t address) {
    return reinterpret_cast<uint8_t*>(address + kDataOffset);
  }
  // All of [address, address + bytes) lies in one live allocation.
  bool contains(uint64_t address, uint64_t bytes) const;
  // The live or freed allocation that is nearest below `address`; nullptr if there is none.
  const Allocation* live_below(uint64_t address, uint64_t* begin) const;
  bool was_freed(uint64_t address, uint64_t* begin, uint64_t* bytes) const;

  void mark_written(uint64_t address, uint64_t bytes);
  void copy_written(uint64_t to, uint64_t from, uint64_t bytes);
  bool is_written(uint64_t address) const;

  uint64_t used() const { return used_; }
  const std::map<uint64_t, Allocation>& live() const { return live_; }

 private:
  Arena();
  void grow(uint64_t end);
  static uint64_t footprint(uint64_t bytes);
  uint64_t place(uint64_t bytes);
  void make_reusable(uint64_t begin, uint64_t bytes);
  void put_aside(uint64_t begin, uint64_t bytes);

  std::map<uint64_t, Allocation> live_;
  std::map<uint64_t, uint64_t> reusable_;            // begin -> bytes
  std::deque<std::pair<uint64_t, uint64_t>> aside_;  // freed, but not to be used yet
  uint64_t aside_bytes_ = 0;
  uint64_t end_;  // nothing was ever allocated from here on
  uint64_t mapped_end_;
  uint64_t used_ = 0;
  bool tracks_;
};

}  // namespace burin::softgpu
