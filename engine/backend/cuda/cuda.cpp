#include "engine/backend/cuda.h"

#include <cuda_runtime.h>
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "engine/backend/memory.h"
#include "kernels/common/cuda_check.h"
#include "kernels/common/cuda_workspace.h"

namespace burin::cuda {
namespace {

cudaStream_t handle(Stream stream) {
  return static_cast<cudaStream_t>(stream.handle);
}

std::string words_of(cudaError_t status) {
  return fmt::format("{} ({})", cudaGetErrorString(status), cudaGetErrorName(status));
}

// 13000 -> "13.0"
std::string version_text(int version) {
  return fmt::format("{}.{}", version / 1000, version % 1000 / 10);
}

std::string find_missing() {
  int devices = 0;
  const cudaError_t counted = cudaGetDeviceCount(&devices);
  if (counted == cudaErrorInsufficientDriver) {
    int driver = 0, runtime = 0;
    cudaDriverGetVersion(&driver);
    cudaRuntimeGetVersion(&runtime);
    if (driver == 0) return "no NVIDIA driver is installed";
    return fmt::format("the NVIDIA driver is for CUDA {}, expected at least {}",
                       version_text(driver), version_text(runtime));
  }
  if (counted == cudaErrorNoDevice || (counted == cudaSuccess && devices == 0)) {
    return "no NVIDIA GPU was found";
  }
  if (counted != cudaSuccess) {
    return fmt::format("the GPUs cannot be listed: {}", words_of(counted));
  }
  // The first call that makes the device work; it may be in use by another process alone.
  const cudaError_t woken = cudaFree(nullptr);
  if (woken == cudaErrorDevicesUnavailable) {
    return "the GPU is busy: another process uses it alone, or it is set to refuse work";
  }
  if (woken != cudaSuccess) {
    return fmt::format("the GPU cannot be used: {}", words_of(woken));
  }
  // Loads the kernels.
  try {
    workspace_of({});
  } catch (const CudaFault& fault) {
    const cudaError_t loaded = cudaGetLastError();
    cudaDeviceProp properties{};
    cudaGetDeviceProperties(&properties, 0);
    if (loaded == cudaErrorNoKernelImageForDevice || loaded == cudaErrorInvalidDeviceFunction ||
        loaded == cudaErrorUnsupportedPtxVersion || loaded == cudaErrorInvalidPtx) {
      return fmt::format("{} has compute capability {}.{}, for which this build has no code: {}",
                         properties.name, properties.major, properties.minor, words_of(loaded));
    }
    return fmt::format("the kernels cannot be loaded: {}", fault.what());
  }
  return "";
}

}  // namespace

const std::string& missing() {
  static const std::string reason = find_missing();
  return reason;
}

const DeviceInfo& device_info() {
  static const DeviceInfo info = [] {
    int device = 0;
    check(cudaGetDevice(&device), "cudaGetDevice");
    cudaDeviceProp properties{};
    check(cudaGetDeviceProperties(&properties, device), "cudaGetDeviceProperties");
    DeviceInfo made;
    made.name = properties.name;
    made.major = properties.major;
    made.minor = properties.minor;
    made.multiprocessors = properties.multiProcessorCount;
    made.total_bytes = properties.totalGlobalMem;
    check(cudaDriverGetVersion(&made.driver), "cudaDriverGetVersion");
    check(cudaRuntimeGetVersion(&made.runtime), "cudaRuntimeGetVersion");
    return made;
  }();
  return info;
}

size_t free_bytes() {
  size_t free = 0, total = 0;
  check(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
  return free;
}

void* allocate(size_t bytes) {
  void* memory = nullptr;
  const cudaError_t status = cudaMalloc(&memory, bytes);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();  // it is told here; the next call need not tell it again
    size_t free = 0, total = 0;
    check(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
    throw OutOfMemory(fmt::format(
        "out of memory on the GPU: {} bytes were needed, {} of {} are free", bytes, free, total));
  }
  check(status, "cudaMalloc");
  const cudaError_t filled = cudaMemset(memory, 0, bytes);
  if (filled != cudaSuccess) {
    cudaFree(memory);
    check(filled, "cudaMemset");
  }
  return memory;
}

void release(void* memory) noexcept {
  cudaFree(memory);  // an error here is an earlier one's echo
}

void copy_to_device(void* destination, const void* host_source, size_t bytes) {
  check(cudaMemcpy(destination, host_source, bytes, cudaMemcpyHostToDevice), "copy to the GPU");
}

void copy_to_host(void* host_destination, const void* source, size_t bytes) {
  check(cudaMemcpy(host_destination, source, bytes, cudaMemcpyDeviceToHost), "copy from the GPU");
}

void copy_to_device_async(void* destination, const void* host_source, size_t bytes, Stream stream) {
  check(cudaMemcpyAsync(destination, host_source, bytes, cudaMemcpyHostToDevice, handle(stream)),
        "copy to the GPU");
}

void synchronize(Stream stream) {
  check(cudaStreamSynchronize(handle(stream)), "waiting for the GPU");
}

double time_launch(Stream stream, int launches, const std::function<void()>& work) {
  struct Event {
    cudaEvent_t event = nullptr;
    Event() { check(cudaEventCreate(&event), "cudaEventCreate"); }
    ~Event() { cudaEventDestroy(event); }
  };
  constexpr int kUncounted = 3;
  const Event begin, end;
  std::vector<float> times;
  for (int i = 0; i < kUncounted + launches; ++i) {
    check(cudaEventRecord(begin.event, handle(stream)), "cudaEventRecord");
    work();
    check(cudaEventRecord(end.event, handle(stream)), "cudaEventRecord");
    check(cudaEventSynchronize(end.event), "timing a kernel");
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, begin.event, end.event), "cudaEventElapsedTime");
    if (i >= kUncounted) times.push_back(milliseconds);
  }
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  return static_cast<double>(*middle);
}

OwnedStream::OwnedStream() {
  cudaStream_t made = nullptr;
  check(cudaStreamCreate(&made), "cudaStreamCreate");
  stream_.handle = made;
}

OwnedStream::~OwnedStream() {
  cudaStreamSynchronize(handle(stream_));
  release_workspace(stream_);
  cudaStreamDestroy(handle(stream_));
}

Graph::~Graph() {
  reset();
}

void Graph::reset() {
  if (executable_ != nullptr) cudaGraphExecDestroy(static_cast<cudaGraphExec_t>(executable_));
  executable_ = nullptr;
  kernels_ = 0;
}

void Graph::capture(Stream stream, const std::function<void()>& work) {
  reset();
  check(cudaStreamBeginCapture(handle(stream), cudaStreamCaptureModeThreadLocal),
        "cudaStreamBeginCapture");
  cudaGraph_t graph = nullptr;
  try {
    work();
  } catch (...) {
    cudaStreamEndCapture(handle(stream), &graph);  // a broken capture leaves nothing behind
    if (graph != nullptr) cudaGraphDestroy(graph);
    cudaGetLastError();
    throw;
  }
  check(cudaStreamEndCapture(handle(stream), &graph), "cudaStreamEndCapture");
  cudaGraphExec_t executable = nullptr;
  cudaError_t status = cudaGraphInstantiate(&executable, graph, 0);
  size_t count = 0;
  if (status == cudaSuccess) status = cudaGraphGetNodes(graph, nullptr, &count);
  std::vector<cudaGraphNode_t> nodes(count);
  if (status == cudaSuccess && count > 0) status = cudaGraphGetNodes(graph, nodes.data(), &count);
  int kernels = 0;
  for (const cudaGraphNode_t node : nodes) {
    cudaGraphNodeType type{};
    if (status == cudaSuccess) status = cudaGraphNodeGetType(node, &type);
    if (type == cudaGraphNodeTypeKernel) ++kernels;
  }
  cudaGraphDestroy(graph);
  executable_ = executable;
  kernels_ = kernels;
  check(status, "capturing a training step");
}

void Graph::launch(Stream stream) const {
  check(cudaGraphLaunch(static_cast<cudaGraphExec_t>(executable_), handle(stream)),
        "cudaGraphLaunch");
}

}  // namespace burin::cuda
