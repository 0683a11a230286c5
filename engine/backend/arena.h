// Memory for what lives as long as one training step.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/backend/memory.h"

namespace burin {

// A bump allocator. Steps that ask for the same sizes in the same order get the same addresses from
// the second step on, and allocate nothing then: a step can be captured into a CUDA graph.
class Arena {
 public:
  explicit Arena(Device device) : device_(device) {}

  // `bytes` of uninitialised memory, aligned to 64 bytes, valid until the next reset().
  void* allocate(size_t bytes);

  // Takes everything back. If the last step needed more than there was, the blocks become one block
  // that holds all of it.
  void reset();

  // Makes room for steps of up to `bytes`, so that none of them allocates. For an arena that was
  // not used yet, or was reset.
  void reserve(size_t bytes);

  // Rises whenever addresses change: what was captured before is then of no use.
  int64_t version() const { return version_; }

  Device device() const { return device_; }
  // The most that one step has used so far.
  size_t peak_bytes() const { return peak_; }

 private:
  Device device_;
  std::vector<Memory> blocks_;
  size_t used_in_last_ = 0;  // of blocks_.back()
  size_t used_ = 0;
  size_t peak_ = 0;
  int64_t version_ = 0;
};

}  // namespace burin
