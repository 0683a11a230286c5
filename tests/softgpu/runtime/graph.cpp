// Graphs: made by capture or node by node, instantiated into a copy, launched any number of times.
#include <algorithm>
#include <cstring>
#include <memory>
#include <unordered_set>

#include "runtime/stream.h"

namespace burin::softgpu {
namespace {

// What a cudaGraphExec_t points to. Nodes keep the address of the graph's node they were made from.
struct Executable {
  std::vector<std::pair<const GraphNode*, Operation>> operations;
};
std::unordered_set<Executable*>& executables() {
  static auto* const s = new std::unordered_set<Executable*>;
  return *s;
}
Executable* find(cudaGraphExec_t exec) {
  auto* const e = reinterpret_cast<Executable*>(exec);
  return executables().contains(e) ? e : nullptr;
}

void point_arguments(GraphNode& n) {
  n.argument_pointers.clear();
  for (const auto& entry : n.operation.kernel->parameters.entries) {
    n.argument_pointers.push_back(n.operation.parameters.data() + entry.offset);
  }
}

cudaError_t from_parameters(const cudaKernelNodeParams* p, Operation* o) {
  if (p->kernelParams == nullptr || p->extra != nullptr) return cudaErrorNotSupported;
  Kernel* const k = find_kernel(p->func);
  if (k == nullptr) return why_no_kernel(p->func);
  if (const cudaError_t e = check_launch(*k, p->gridDim, p->blockDim, p->sharedMemBytes);
      e != cudaSuccess)
    return e;
  *o = kernel_operation(k, p->gridDim, p->blockDim, p->kernelParams, p->sharedMemBytes);
  return cudaSuccess;
}

}  // namespace
}  // namespace burin::softgpu

using namespace burin::softgpu;

extern "C" {

cudaError_t cudaGraphCreate(cudaGraph_t* graph, unsigned) {
  ENTER_API();
  *graph = reinterpret_cast<cudaGraph_t>(new Graph);
  return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  ENTER_API_NEEDING(Needs::kDevice);
  const DeviceLock lock(device_mutex());
  delete reinterpret_cast<Graph*>(graph);
  return sticky();
}
// Dependencies must be older nodes of the same graph, so the order of making is a valid order.
cudaError_t cudaGraphAddKernelNode(cudaGraphNode_t* node, cudaGraph_t graph, const cudaGraphNode_t*,
                                   size_t, const cudaKernelNodeParams* p) {
  ENTER_API();
  const DeviceLock lock(device_mutex());
  auto n = std::make_unique<GraphNode>();
  if (const cudaError_t e = from_parameters(p, &n->operation); e != cudaSuccess) return remember(e);
  *node = reinterpret_cast<cudaGraphNode_t>(n.get());
  reinterpret_cast<Graph*>(graph)->nodes.push_back(std::move(n));
  return cudaSuccess;
}
cudaError_t cudaGraphAddEmptyNode(cudaGraphNode_t* node, cudaGraph_t graph, const cudaGraphNode_t*,
                                  size_t) {
  ENTER_API();
  const DeviceLock lock(device_mutex());
  auto n = std::make_unique<GraphNode>();
  *node = reinterpret_cast<cudaGraphNode_t>(n.get());
  reinterpret_cast<Graph*>(graph)->nodes.push_back(std::move(n));
  return cudaSuccess;
}
cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t* nodes, size_t* count) {
  ENTER_API();
  const DeviceLock lock(device_mutex());
  const auto& all = reinterpret_cast<Graph*>(graph)->nodes;
  if (nodes != nullptr) {
    for (size_t i = 0; i < *count; ++i)
      nodes[i] = i < all.size() ? reinterpret_cast<cudaGraphNode_t>(all[i].get()) : nullptr;
    *count = std::min(*count, all.size());
  } else {
    *count = all.size();
  }
  return cudaSuccess;
}
cudaError_t cudaGraphNodeGetType(cudaGraphNode_t node, cudaGraphNodeType* type) {
  ENTER_API();
  *type = reinterpret_cast<GraphNode*>(node)->operation.type;
  return cudaSuccess;
}
cudaError_t cudaGraphKernelNodeGetParams(cudaGraphNode_t node, cudaKernelNodeParams* p) {
  ENTER_API();
  const DeviceLock lock(device_mutex());
  auto* const n = reinterpret_cast<GraphNode*>(node);
  const Operation& o = n->operation;
  if (o.kernel == nullptr) return remember(cudaErrorInvalidValue);
  point_arguments(*n);
  *p = {};
  p->func = o.kernel;
  p->gridDim = o.grid, p->blockDim = o.block;
  p->sharedMemBytes = static_cast<unsigned>(o.shared);
  p->kernelParams = n->argument_pointers.data();
  return cudaSuccess;
}
cudaError_t cudaGraphKernelNodeSetParams(cudaGraphNode_t node, const cudaKernelNodeParams* p) {
  ENTER_API();
  const DeviceLock lock(device_mutex());
  Operation o;
  if (const cudaError_t e = from_parameters(p, &o); e != cudaSuccess) return remember(e);
  reinterpret_cast<GraphNode*>(node)->operation = std::move(o);
  return cudaSuccess;
}

cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t* exec, cudaGraph_t graph,
                                          unsigned long long) {
  ENTER_API();
  const DeviceLock lock(device_mutex());
  if (graph == nullptr) return remember(cudaErrorInvalidValue);
  auto e = std::make_unique<Executable>();
  for (const auto& n : reinterpret_cast<Graph*>(graph)->nodes)
    e->operations.emplace_back(n.get(), n->operation);
  *exec = reinterpret_cast<cudaGraphExec_t>(e.get());
  executables().insert(e.release());
  return cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph,
                                 unsigned long long flags) {
  ENTER_API();
  return cudaGraphInstantiateWithFlags(exec, graph, flags);
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
  ENTER_API_NEEDING(Needs::kDevice);
  const DeviceLock lock(device_mutex());
  Executable* const e = find(exec);
  if (e == nullptr) return remember(cudaErrorInvalidValue);
  executables().erase(e);
  delete e;
  return sticky();
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
  ENTER_API();
  const DeviceLock lock(device_mutex());
  Executable* const e = find(exec);
  if (e == nullptr) return remember(cudaErrorInvalidValue);
  for (const auto& [node, operation] : e->operations) {
    if (const cudaError_t error = submit(stream, operation); error != cudaSuccess)
      return remember(error);
  }
  return cudaSuccess;
}
cudaError_t cudaGraphUpload(cudaGraphExec_t exec, cudaStream_t) {
  ENTER_API();
  return find(exec) != nullptr ? cudaSuccess : remember(cudaErrorInvalidValue);
}
cudaError_t cudaGraphExecKernelNodeSetParams(cudaGraphExec_t exec, cudaGraphNode_t node,
                                             const cudaKernelNodeParams* p) {
  ENTER_API();
  const DeviceLock lock(device_mutex());
  Executable* const e = find(exec);
  if (e == nullptr) return remember(cudaErrorInvalidValue);
  for (auto& [origin, operation] : e->operations) {
    if (origin != reinterpret_cast<const GraphNode*>(node)) continue;
    Operation o;
    if (const cudaError_t error = from_parameters(p, &o); error != cudaSuccess)
      return remember(error);
    if (o.kernel != operation.kernel) return remember(cudaErrorInvalidValue);
    operation = std::move(o);
    return cudaSuccess;
  }
  return remember(cudaErrorInvalidValue);
}
cudaError_t cudaGraphExecUpdate(cudaGraphExec_t exec, cudaGraph_t graph,
                                cudaGraphExecUpdateResultInfo* info) {
  ENTER_API();
  const DeviceLock lock(device_mutex());
  Executable* const e = find(exec);
  if (e == nullptr || graph == nullptr) return remember(cudaErrorInvalidValue);
  const auto& nodes = reinterpret_cast<Graph*>(graph)->nodes;
  bool same = nodes.size() == e->operations.size();
  for (size_t i = 0; same && i < nodes.size(); ++i) {
    same = nodes[i]->operation.type == e->operations[i].second.type &&
           nodes[i]->operation.kernel == e->operations[i].second.kernel;
  }
  if (info != nullptr) {
    *info = {};
    info->result = same ? cudaGraphExecUpdateSuccess : cudaGraphExecUpdateErrorTopologyChanged;
  }
  if (!same) return remember(cudaErrorGraphExecUpdateFailure);
  for (size_t i = 0; i < nodes.size(); ++i) e->operations[i].second = nodes[i]->operation;
  return cudaSuccess;
}

}  // extern "C"
