#include "core/fibre.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#if !defined(__x86_64__)
#error "the stack switch is written for x86-64"
#endif

asm(R"(
    .text
    .globl softgpu_switch
    .hidden softgpu_switch
    .type softgpu_switch, @function
softgpu_switch:
    endbr64
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
    .size softgpu_switch, .-softgpu_switch

    .globl softgpu_fibre_start
    .hidden softgpu_fibre_start
    .type softgpu_fibre_start, @function
softgpu_fibre_start:
    endbr64
    movq %r12, %rdi
    call *%r13
    ud2
    .size softgpu_fibre_start, .-softgpu_fibre_start
)");

namespace burin::softgpu {

Stacks::~Stacks() {
  if (base_ != nullptr) munmap(base_, count_ * stride_);
}

void Stacks::need(size_t count, size_t bytes) {
  const size_t stride = (bytes + 4095) / 4096 * 4096 + kGuard;
  if (count <= count_ && stride <= stride_) return;
  if (base_ != nullptr) munmap(base_, count_ * stride_);
  count_ = std::max(count, count_);
  stride_ = std::max(stride, stride_);
  void* const p = mmap(nullptr, count_ * stride_, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) {
    std::fprintf(stderr, "softgpu: no memory for %zu stacks\n", count_);
    std::abort();
  }
  base_ = static_cast<uint8_t*>(p);
  for (size_t i = 0; i < count_; ++i) mprotect(base_ + i * stride_, kGuard, PROT_NONE);
}

bool Stacks::is_guard(uint64_t address) const {
  const uint64_t at = address - reinterpret_cast<uint64_t>(base_);
  return base_ != nullptr && at < count_ * stride_ && at % stride_ < kGuard;
}

}  // namespace burin::softgpu
