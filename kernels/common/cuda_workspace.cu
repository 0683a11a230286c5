#include <mutex>

#include "kernels/common/cuda_check.h"
#include "kernels/common/cuda_workspace.h"

namespace burin::cuda {
namespace {

struct alignas(128) Slot {
  unsigned char partials[kWorkspaceBytes];
  unsigned finished;
};
__device__ Slot slots[kWorkspaceStreams];  // zero when the program starts

struct Holder {
  bool held;
  int device;
  void* stream;
  Slot* slot;  // device memory
};
Holder holders[kWorkspaceStreams];
std::mutex holders_mutex;

Workspace workspace(const Holder& holder) {
  // Addresses in device memory are computed, not followed.
  return {&holder.slot->finished, holder.slot->partials};
}

}  // namespace

Workspace workspace_of(Stream stream) {
  int device = 0;
  check(cudaGetDevice(&device), "cudaGetDevice");
  const std::lock_guard lock(holders_mutex);
  int free = -1;
  for (int i = 0; i < kWorkspaceStreams; ++i) {
    const Holder& holder = holders[i];
    if (holder.held && holder.device == device && holder.stream == stream.handle) {
      return workspace(holder);
    }
    if (!holder.held && free < 0) free = i;
  }
  if (free < 0) throw std::runtime_error("workspace_of: too many streams reduce");
  void* first = nullptr;
  check(cudaGetSymbolAddress(&first, slots), "workspace_of");
  holders[free] = {true, device, stream.handle, static_cast<Slot*>(first) + free};
  return workspace(holders[free]);
}

void release_workspace(Stream stream) {
  const std::lock_guard lock(holders_mutex);
  for (Holder& holder : holders) {
    if (holder.held && holder.stream == stream.handle) holder.held = false;
  }
}

}  // namespace burin::cuda
