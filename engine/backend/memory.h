// Owned memory on a device, and explicit copies.
#pragma once

#include <cstddef>
#include <stdexcept>

#include "engine/backend/device.h"
#include "kernels/common/stream.h"

namespace burin {

// There is not enough memory. what() says how much was needed and how much there was.
class OutOfMemory : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Owns `bytes` of memory, aligned to 64 bytes, filled with zeros. Moves, never copies. On the meta
// device the address is a number of its own that must not be followed.
class Memory {
 public:
  Memory() = default;
  // Throws OutOfMemory, or std::runtime_error if the device is absent.
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

// Host memory that is not written yet: the whole large pages (2 MiB) in it are to be such where the
// system has them. It then takes a translation of an address for each 2 MiB and not for each 4 KiB.
// Memory of the host does it by itself.
void ask_for_large_pages(void* data, size_t bytes);

// What all Memory of a device holds now, each rounded up to kMemoryGranularity. Exact on cuda and
// meta; the host's own is not counted.
inline constexpr size_t kMemoryGranularity = 512;
size_t memory_in_use(Device device);

// Copies between the host and `device`; returns when the destination may be read. On cuda it waits
// for all work before it.
void copy_to_device(Device device, void* destination, const void* host_source, size_t bytes);
void copy_to_host(Device device, void* host_destination, const void* source, size_t bytes);

// Queued on `stream`; the source may be changed when it returns.
void copy_to_device_async(Device device, void* destination, const void* host_source, size_t bytes,
                          Stream stream);

// Returns when all work of `stream` is done. Throws CudaFault (engine/backend/cuda.h) if it failed.
void synchronize(Device device, Stream stream);

}  // namespace burin
