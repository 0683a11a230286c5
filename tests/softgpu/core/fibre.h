// The stack switch. A fibre is a stack and a saved stack pointer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "device/abi.h"

namespace burin::softgpu {

extern "C" {
// Saves the callee-saved registers and the stack pointer in *save, goes on where `load` was saved.
void softgpu_switch(void** save, void* load);
// First frame of a fibre: calls r13(r12).
void softgpu_fibre_start();
}

using FibreBody = void (*)(Thread*);

// Prepares `t` to begin with body(t) when it is switched to; uses t->stack_low and t->stack_size.
inline void prepare_fibre(Thread* t, FibreBody body) {
  // Stacks lie a power of two apart; different first lines keep them out of each other's cache
  // sets.
  const uint64_t top =
      reinterpret_cast<uint64_t>(t->stack_low) + t->stack_size - 64 - (t->linear % 15) * 256;
  auto* frame = reinterpret_cast<void**>(top & ~63ul) - 9;   // leaves the stack aligned at the call
  frame[0] = frame[1] = nullptr;                             // r15, r14
  frame[2] = reinterpret_cast<void*>(body);                  // r13
  frame[3] = t;                                              // r12
  frame[4] = frame[5] = nullptr;                             // rbx, rbp
  frame[6] = reinterpret_cast<void*>(&softgpu_fibre_start);  // return address
  t->stack_pointer = frame;
}

// Stacks of the threads of a block, with a guard page below each.
class Stacks {
 public:
  Stacks() = default;
  Stacks(Stacks&& other) noexcept { swap(other); }
  Stacks& operator=(Stacks&& other) noexcept {
    swap(other);
    return *this;
  }
  ~Stacks();
  // At least `count` stacks of at least `bytes`; earlier ones are given up.
  void need(size_t count, size_t bytes);
  uint8_t* low(size_t index) const { return base_ + index * stride_ + kGuard; }
  size_t usable() const { return stride_ - kGuard; }
  // The address lies in a guard page.
  bool is_guard(uint64_t address) const;

 private:
  void swap(Stacks& other) noexcept {
    std::swap(base_, other.base_), std::swap(count_, other.count_),
        std::swap(stride_, other.stride_);
  }

  static constexpr size_t kGuard = 4096;
  uint8_t* base_ = nullptr;
  size_t count_ = 0, stride_ = 0;
};

}  // namespace burin::softgpu
