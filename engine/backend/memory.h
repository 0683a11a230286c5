// Owned memory on a device, and explicit copies.
#pragma once

#include <cstddef>

#include "engine/backend/device.h"

namespace burin {

// Owns `bytes` of memory, aligned to 64 bytes, filled with zeros. Moves, never copies.
class Memory {
 public:
  Memory() = default;
  // Throws std::runtime_error naming the size if there is not enough memory, or the device is
  // absent.
  Memory(Device device, size_t bytes);
  ~Memory();
  Memory(Memory&& other) noexcept;
  Memory& operator=(Memory&& other) noexcept;

  std::byte* data() const { return data_; }
  template <class T>
  T* as() const {
    return reinterpret_cast<T*>(data_);
  }
  size_t bytes() const { return bytes_; }
  Device device() const { return device_; }

 private:
  Device device_ = Device::cpu;
  std::byte* data_ = nullptr;
  size_t bytes_ = 0;
};

// Copies between the host and `device`; returns when the destination may be read.
void copy_to_device(Device device, void* destination, const void* host_source, size_t bytes);
void copy_to_host(Device device, void* host_destination, const void* source, size_t bytes);

}  // namespace burin
