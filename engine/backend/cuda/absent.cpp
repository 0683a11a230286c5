// engine/backend/cuda.h in a build without CUDA: it says so, and nothing else can be called.
#include <stdexcept>

#include "engine/backend/cuda.h"

namespace burin::cuda {

const std::string& missing() {
  static const std::string reason =
      "this build has no CUDA; build the preset cuda-release, or use --device cpu";
  return reason;
}

namespace {

[[noreturn]] void refuse() {
  throw std::runtime_error(missing());
}

}  // namespace

const DeviceInfo& device_info() {
  refuse();
}
size_t free_bytes() {
  refuse();
}
void* allocate(size_t) {
  refuse();
}
void release(void*) noexcept {}
void copy_to_device(void*, const void*, size_t) {
  refuse();
}
void copy_to_host(void*, const void*, size_t) {
  refuse();
}
void copy_to_device_async(void*, const void*, size_t, Stream) {
  refuse();
}
void synchronize(Stream) {
  refuse();
}
double time_launch(Stream, int, const std::function<void()>&) {
  refuse();
}

OwnedStream::OwnedStream() {
  refuse();
}
OwnedStream::~OwnedStream() = default;

Graph::~Graph() = default;
void Graph::reset() {}
void Graph::capture(Stream, const std::function<void()>&) {
  refuse();
}
void Graph::launch(Stream) const {
  refuse();
}

}  // namespace burin::cuda
