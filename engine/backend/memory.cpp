#include "engine/backend/memory.h"

#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>

namespace burin {

const char* device_name(Device device) {
  return device == Device::cpu ? "cpu" : "cuda";
}

namespace {

void require_cpu(Device device) {
  if (device != Device::cpu) throw std::runtime_error("memory: this build trains on the cpu only");
}

}  // namespace

Memory::Memory(Device device, size_t bytes) : device_(device), bytes_(bytes) {
  require_cpu(device);
  if (bytes == 0) return;
  const size_t rounded = (bytes + 63) / 64 * 64;
  data_ = static_cast<std::byte*>(std::aligned_alloc(64, rounded));
  if (data_ == nullptr) {
    throw std::runtime_error("out of memory: " + std::to_string(bytes) + " bytes were needed on " +
                             device_name(device));
  }
  std::memset(data_, 0, rounded);
}

Memory::~Memory() {
  std::free(data_);
}

Memory::Memory(Memory&& other) noexcept {
  *this = std::move(other);
}

Memory& Memory::operator=(Memory&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

void copy_to_device(Device device, void* destination, const void* host_source, size_t bytes) {
  require_cpu(device);
  if (bytes != 0) std::memcpy(destination, host_source, bytes);
}

void copy_to_host(Device device, void* host_destination, const void* source, size_t bytes) {
  require_cpu(device);
  if (bytes != 0) std::memcpy(host_destination, source, bytes);
}

}  // namespace burin
