#include "engine/backend/arena.h"

#include <algorithm>

namespace burin {
namespace {

constexpr size_t kAlignment = 64;
constexpr size_t kSmallestBlock = size_t{1} << 20;

}  // namespace

void* Arena::allocate(size_t bytes) {
  const size_t rounded = std::max((bytes + kAlignment - 1) / kAlignment * kAlignment, kAlignment);
  if (blocks_.empty() || used_in_last_ + rounded > blocks_.back().bytes()) {
    blocks_.emplace_back(device_, std::max(rounded, kSmallestBlock));
    used_in_last_ = 0;
    ++version_;
  }
  void* result = blocks_.back().data() + used_in_last_;
  used_in_last_ += rounded;
  used_ += rounded;
  peak_ = std::max(peak_, used_);
  return result;
}

void Arena::reset() {
  if (blocks_.size() > 1) {
    blocks_.clear();  // first, so that the peak is not doubled
    blocks_.emplace_back(device_, peak_);
    ++version_;
  }
  used_in_last_ = 0;
  used_ = 0;
}

void Arena::reserve(size_t bytes) {
  reset();
  if (bytes == 0 || (!blocks_.empty() && blocks_.back().bytes() >= bytes)) return;
  blocks_.clear();
  blocks_.emplace_back(device_, bytes);
  ++version_;
}

}  // namespace burin
