#include "core/fault.h"

#include <sys/mman.h>
#include <ucontext.h>

#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "core/report.h"
#include "core/scheduler.h"

namespace burin::softgpu {
namespace {

constexpr int kIllegalAddress = 700;  // cudaErrorIllegalAddress
constexpr size_t kHandlerStack = 64 << 10;

struct sigaction previous;
stack_t previous_stack;
uint64_t fault_address;
bool was_stack;

// Runs on the faulting thread's own stack, from its top: the thread will not go on.
[[noreturn]] void land() {
  Scheduler& s = Scheduler::get();
  const Thread* t = s.current();
  if (was_stack) {
    report("memcheck", running_kernel() + "stack",
           "stack overflow by " + who(t) + " in " + running_kernel());
  } else {
    char address[32];
    std::snprintf(address, sizeof address, "%#llx",
                  static_cast<unsigned long long>(fault_address - kDataOffset));
    report("memcheck", running_kernel() + "wild",
           std::string("access to ") + address + ", far from any allocation, by " + who(t) +
               " in " + running_kernel() + " (--memcheck shows the line)");
  }
  s.stop(kIllegalAddress);
}

void handle(int number, siginfo_t* info, void* context) {
  const auto address = reinterpret_cast<uint64_t>(info->si_addr);
  Scheduler& s = Scheduler::get();
  const bool in_window = address - (kDeviceBase + kDataOffset) < kWindow;
  const bool in_guard = s.stacks().is_guard(address);
  const Thread* t = s.current();
  if (t != nullptr && (in_window || in_guard)) {
    fault_address = address;
    was_stack = in_guard;
    auto* const registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
    const uint64_t top = reinterpret_cast<uint64_t>(t->stack_low) + t->stack_size;
    registers[REG_RSP] = static_cast<greg_t>(top / 64 * 64 - 64 - 8);
    registers[REG_RIP] = reinterpret_cast<greg_t>(&land);
    return;
  }
  sigaction(number, &previous,
            nullptr);  // the instruction faults again, into the program's handler
}

}  // namespace

FaultGuard::FaultGuard() {
  static void* const memory = std::malloc(kHandlerStack);
  stack_t alternate{};
  alternate.ss_sp = memory;
  alternate.ss_size = kHandlerStack;
  sigaltstack(&alternate, &previous_stack);
  struct sigaction action {};
  action.sa_sigaction = &handle;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  sigaction(SIGSEGV, &action, &previous);
}

FaultGuard::~FaultGuard() {
  sigaction(SIGSEGV, &previous, nullptr);
  if ((previous_stack.ss_flags & SS_DISABLE) != 0) previous_stack.ss_size = kHandlerStack;
  sigaltstack(&previous_stack, nullptr);
}

}  // namespace burin::softgpu
