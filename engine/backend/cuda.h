// The CUDA runtime, as the engine sees it: no CUDA header is needed to include this. In a build
// without CUDA missing() says so, and the rest throws std::runtime_error.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "kernels/common/cuda_fault.h"
#include "kernels/common/stream.h"

namespace burin::cuda {

// Why the GPU cannot be used, in a line without a full stop; empty if it can. Asks once: the
// driver, the device, whether this build has code for it, and whether it takes work.
const std::string& missing();

struct DeviceInfo {
  std::string name;          // "NVIDIA H100 PCIe"
  int major = 0, minor = 0;  // compute capability
  int multiprocessors = 0;
  size_t total_bytes = 0;
  int driver = 0, runtime = 0;  // 13000 is 13.0
};
const DeviceInfo& device_info();  // of the device in use
size_t free_bytes();              // now

// Filled with zeros. Throws OutOfMemory naming what was asked for and what is free.
void* allocate(size_t bytes);
void release(void* memory) noexcept;
void copy_to_device(void* destination, const void* host_source, size_t bytes);
void copy_to_host(void* host_destination, const void* source, size_t bytes);
void copy_to_device_async(void* destination, const void* host_source, size_t bytes, Stream stream);
void synchronize(Stream stream);

// Median milliseconds of what `work` queues on `stream`, over `launches` times after a few that are
// not counted. Waits for the device.
double time_launch(Stream stream, int launches, const std::function<void()>& work);

// A stream of its own. Work on the default stream waits for it, and the reverse.
class OwnedStream {
 public:
  OwnedStream();
  ~OwnedStream();
  OwnedStream(const OwnedStream&) = delete;
  OwnedStream& operator=(const OwnedStream&) = delete;
  Stream get() const { return stream_; }

 private:
  Stream stream_;
};

// Work that was queued once and can be queued again with one call.
class Graph {
 public:
  Graph() = default;
  ~Graph();
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  // Captures what `work` launches on `stream`, without running it. Nothing in it may wait for the
  // device or allocate. Replaces what was captured before.
  void capture(Stream stream, const std::function<void()>& work);
  // Queues it all.
  void launch(Stream stream) const;

  bool empty() const { return executable_ == nullptr; }
  int kernels() const { return kernels_; }  // in a launch
  void reset();

 private:
  void* executable_ = nullptr;
  int kernels_ = 0;
};

}  // namespace burin::cuda
