// Streams, and the operations that are put on them. An operation runs when it is submitted: that is
// one of the orders that a real device may choose. On a stream that is being captured it becomes a
// node of a graph.
#pragma once

#include <cuda_runtime_api.h>

#include <functional>
#include <memory>
#include <vector>

#include "runtime/entry.h"
#include "runtime/state.h"

namespace burin::softgpu {

struct Operation {
  cudaGraphNodeType type = cudaGraphNodeTypeEmpty;
  std::function<cudaError_t()> run;  // memcpy, memset, host functions
  // Kernels: their parameters are copied at the call.
  Kernel* kernel = nullptr;
  dim3 grid, block;
  size_t shared = 0;
  std::vector<uint8_t> parameters;
};

// What a cudaGraphNode_t points to.
struct GraphNode {
  Operation operation;
  std::vector<void*>
      argument_pointers;  // into operation.parameters, for cudaGraphKernelNodeGetParams
};
struct Graph {
  std::vector<std::unique_ptr<GraphNode>> nodes;  // in an order that keeps every dependency
};

struct StreamState {
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  cudaStreamCaptureMode mode = cudaStreamCaptureModeGlobal;
  Graph* graph = nullptr;
  StreamState* origin = nullptr;  // where the capture began
  bool unjoined = false;          // its captured work was not yet waited for by the origin
  unsigned flags = 0;
  int priority = 0;
};

// Null if the handle is no live stream; the default stream's state for 0, 1 and 2.
StreamState* find_stream(cudaStream_t stream);
cudaError_t submit(cudaStream_t stream, Operation operation);
// After a fault nothing runs any more, but for what gives memory back.
cudaError_t execute(const Operation& operation);
Operation kernel_operation(Kernel* kernel, dim3 grid, dim3 block, void* const* arguments,
                           size_t shared);
// A call that must not be made while a capture in global mode goes on; breaks the capture.
cudaError_t refuse_in_capture(cudaError_t error);

}  // namespace burin::softgpu
