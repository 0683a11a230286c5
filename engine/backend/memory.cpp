#include "engine/backend/memory.h"

#include <sys/mman.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

#include "engine/backend/cuda.h"

namespace burin {

const char* device_name(Device device) {
  switch (device) {
    case Device::cpu:
      return "cpu";
    case Device::cuda:
      return "cuda";
    case Device::meta:
      return "meta";
  }
  return "";
}

namespace {
constexpr size_t kLargePage = size_t{2} << 20;

size_t rounded_up(size_t bytes, size_t step) {
  return (bytes + step - 1) / step * step;
}
}  // namespace

void ask_for_large_pages([[maybe_unused]] void* data, [[maybe_unused]] size_t bytes) {
#ifdef MADV_HUGEPAGE
  const uintptr_t begin = rounded_up(reinterpret_cast<uintptr_t>(data), kLargePage);
  const uintptr_t end = (reinterpret_cast<uintptr_t>(data) + bytes) / kLargePage * kLargePage;
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#endif
}

namespace {

std::atomic<size_t> in_use[3];  // by device

// Large blocks lie on large pages: rows of a matrix are often a page
// apart, and a product then waits for translations of addresses. Each begins some cache lines
// further into its first page than the one before, so that the same element of weights, gradients
// and moments does not fall on the same lines of the caches.
std::byte* allocate_on_host(size_t bytes) {
  const size_t rounded = rounded_up(bytes, 64);
  static std::atomic<size_t> large_blocks;
  const bool large = bytes >= kLargePage;
  const size_t offset = large ? large_blocks++ % 16 * (65 * 64) : 0;
  const size_t alignment = large ? kLargePage : 64;
  // What is rounded up here for the allocator lies behind the block and is never touched.
  void* const memory = std::aligned_alloc(alignment, rounded_up(offset + rounded, alignment));
  if (memory == nullptr) {
    throw OutOfMemory("out of memory: " + std::to_string(bytes) + " bytes were needed on cpu");
  }
  if (large) ask_for_large_pages(memory, offset + rounded);
  std::byte* const data = static_cast<std::byte*>(memory) + offset;
  std::memset(data, 0, rounded);
  return data;
}

void release_on_host(std::byte* data, size_t bytes) noexcept {
  const size_t offset = bytes >= kLargePage ? reinterpret_cast<uintptr_t>(data) % kLargePage : 0;
  std::free(data - offset);
}

std::byte* allocate(Device device, size_t bytes) {
  if (device == Device::cpu) return allocate_on_host(bytes);
  if (device == Device::meta) {
    static std::atomic<uintptr_t> next{uintptr_t{1} << 40};
    return reinterpret_cast<std::byte*>(next.fetch_add(rounded_up(bytes, kMemoryGranularity)));
  }
  return static_cast<std::byte*>(cuda::allocate(bytes));
}

void release(Device device, std::byte* memory, size_t bytes) noexcept {
  if (device == Device::cpu) release_on_host(memory, bytes);
  if (device == Device::cuda) cuda::release(memory);
}

}  // namespace

Memory::Memory(Device device, size_t bytes) : device_(device), bytes_(bytes) {
  if (bytes == 0) return;
  data_ = allocate(device, bytes);
  in_use[static_cast<size_t>(device)] += rounded_up(bytes, kMemoryGranularity);
}

Memory::~Memory() {
  if (data_ == nullptr) return;
  release(device_, data_, bytes_);
  in_use[static_cast<size_t>(device_)] -= rounded_up(bytes_, kMemoryGranularity);
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

size_t memory_in_use(Device device) {
  return in_use[static_cast<size_t>(device)];
}

void copy_to_device(Device device, void* destination, const void* host_source, size_t bytes) {
  if (bytes == 0) return;
  if (device == Device::cpu) std::memcpy(destination, host_source, bytes);
  if (device == Device::cuda) cuda::copy_to_device(destination, host_source, bytes);
}

void copy_to_host(Device device, void* host_destination, const void* source, size_t bytes) {
  if (bytes == 0) return;
  if (device == Device::cpu) std::memcpy(host_destination, source, bytes);
  if (device == Device::meta) std::memset(host_destination, 0, bytes);
  if (device == Device::cuda) cuda::copy_to_host(host_destination, source, bytes);
}

void copy_to_device_async(Device device, void* destination, const void* host_source, size_t bytes,
                          Stream stream) {
  if (device != Device::cuda) return copy_to_device(device, destination, host_source, bytes);
  if (bytes != 0) cuda::copy_to_device_async(destination, host_source, bytes, stream);
}

void synchronize(Device device, Stream stream) {
  if (device == Device::cuda) cuda::synchronize(stream);
}

}  // namespace burin
