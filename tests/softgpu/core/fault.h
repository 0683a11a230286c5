// Faults that only the processor sees: an access to device memory that was never allocated, a stack
// that ran over.
#pragma once

namespace burin::softgpu {

// While it lives, a segmentation fault in a kernel ends the kernel and not the process; any other
// goes to the handler that the program had.
class FaultGuard {
 public:
  FaultGuard();
  ~FaultGuard();
  FaultGuard(const FaultGuard&) = delete;
};

}  // namespace burin::softgpu
