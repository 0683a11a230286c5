// Device memory in which the blocks of a reduction meet.
//
// Launchers have no workspace argument and do not allocate, so the memory is part of the program: a
// few static slots on each device, one for each stream that reduces. Kernels of one stream run one
// after the other, so a slot has one user at a time. A captured graph keeps the slot of the stream
// it was captured on: do not replay it beside other reductions of that stream.
#pragma once

#include "kernels/common/stream.h"

namespace burin::cuda {

inline constexpr int kWorkspaceBytes = 24576;
inline constexpr int kWorkspaceStreams = 16;

struct Workspace {
  unsigned* finished;  // device memory; 0 between kernels
  void* partials;      // device memory, kWorkspaceBytes, on a 128-byte border
};

// The workspace of `stream` on the current device; the first call may load the program onto it, so
// reduce once, or call this, before capturing. Throws std::runtime_error when
// kWorkspaceStreams other streams hold one. Thread-safe; does not allocate.
Workspace workspace_of(Stream stream);

// To be called before a stream that has reduced is destroyed, after its work is done.
void release_workspace(Stream stream);

}  // namespace burin::cuda
