// Allocation, copies, fills.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <unordered_map>

#include "core/arena.h"
#include "core/config.h"
#include "core/report.h"
#include "runtime/stream.h"

namespace burin::softgpu {
namespace {

std::unordered_map<const void*, size_t>& pinned() {
  static auto* const p = new std::unordered_map<const void*, size_t>;
  return *p;
}

uint64_t address_of(const void* p) {
  return reinterpret_cast<uint64_t>(p);
}

cudaError_t allocate(void** pointer, size_t bytes) {
  if (pointer == nullptr) return cudaErrorInvalidValue;
  *pointer = nullptr;
  if (bytes == 0) return cudaSuccess;
  const uint64_t a = Arena::get().allocate(bytes);
  if (a == 0) return cudaErrorMemoryAllocation;
  *pointer = reinterpret_cast<void*>(a);
  return cudaSuccess;
}

cudaError_t release(void* pointer) {
  if (pointer == nullptr) return cudaSuccess;
  Arena& arena = Arena::get();
  if (arena.release(address_of(pointer))) return cudaSuccess;
  uint64_t begin = 0, bytes = 0;
  char text[160];
  std::snprintf(text, sizeof text, "%s of %p",
                arena.was_freed(address_of(pointer), &begin, &bytes)
                    ? "double free"
                    : "free of what was never allocated",
                pointer);
  if (config().memcheck) report("memcheck", text, text);
  return cudaErrorInvalidValue;
}

// The host's view of one side of a copy; null if a device range is not inside one allocation.
uint8_t* side(const void* p, size_t bytes, bool device, const char* call) {
  if (!device)
    return Arena::is_device(address_of(p)) ? nullptr : static_cast<uint8_t*>(const_cast<void*>(p));
  if (Arena::get().contains(address_of(p), bytes)) return Arena::host(address_of(p));
  if (config().memcheck) {
    char text[160];
    std::snprintf(text, sizeof text, "%s of %zu bytes at %p leaves the allocation", call, bytes, p);
    report("memcheck", text, text);
  }
  return nullptr;
}

cudaError_t copy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  if (bytes == 0) return cudaSuccess;
  bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  if (kind == cudaMemcpyDefault) {
    to_device = Arena::is_device(address_of(to));
    from_device = Arena::is_device(address_of(from));
  } else if (kind < cudaMemcpyHostToHost || kind > cudaMemcpyDeviceToDevice) {
    return cudaErrorInvalidMemcpyDirection;
  }
  uint8_t* const target = side(to, bytes, to_device, "copy");
  const uint8_t* const source = side(from, bytes, from_device, "copy");
  if (target == nullptr || source == nullptr) return cudaErrorInvalidValue;
  std::memmove(target, source, bytes);
  if (to_device && from_device)
    Arena::get().copy_written(address_of(to), address_of(from), bytes);
  else if (to_device)
    Arena::get().mark_written(address_of(to), bytes);
  return cudaSuccess;
}

cudaError_t fill(void* to, int value, size_t bytes) {
  if (bytes == 0) return cudaSuccess;
  uint8_t* const target = side(to, bytes, true, "memset");
  if (target == nullptr) return cudaErrorInvalidValue;
  std::memset(target, value, bytes);
  Arena::get().mark_written(address_of(to), bytes);
  return cudaSuccess;
}

// A call that returns when the work is done. Checks the arguments even if an older kernel faulted.
template <class F>
cudaError_t now(F f) {
  const DeviceLock lock(device_mutex());
  if (const cudaError_t e = refuse_in_capture(cudaErrorStreamCaptureImplicit); e != cudaSuccess)
    return e;
  if (const cudaError_t e = settle(); e != cudaSuccess) return e;
  return remember(f());
}

template <class F>
cudaError_t queued(cudaStream_t stream, cudaGraphNodeType type, F f) {
  const DeviceLock lock(device_mutex());
  Operation o;
  o.type = type;
  o.run = std::move(f);
  return remember(submit(stream, std::move(o)));
}

cudaError_t copy_2d(void* to, size_t to_pitch, const void* from, size_t from_pitch, size_t width,
                    size_t height, cudaMemcpyKind kind) {
  if (width > to_pitch || width > from_pitch) return cudaErrorInvalidPitchValue;
  for (size_t y = 0; y < height; ++y) {
    const cudaError_t e = copy(static_cast<char*>(to) + y * to_pitch,
                               static_cast<const char*>(from) + y * from_pitch, width, kind);
    if (e != cudaSuccess) return e;
  }
  return cudaSuccess;
}

// Address and room of a variable, from `offset` on.
cudaError_t symbol_range(const void* symbol, size_t offset, size_t bytes, void** at) {
  size_t size = 0;
  const uint64_t a = find_variable(symbol, &size);
  if (a == 0) return why_no_variable(symbol);
  if (offset > size || bytes > size - offset) return cudaErrorInvalidValue;
  *at = reinterpret_cast<void*>(a + offset);
  return cudaSuccess;
}

}  // namespace
}  // namespace burin::softgpu

using namespace burin::softgpu;

extern "C" {

cudaError_t cudaMalloc(void** pointer, size_t bytes) {
  ENTER_API();
  const DeviceLock lock(device_mutex());
  if (const cudaError_t e = refuse_in_capture(cudaErrorStreamCaptureUnsupported); e != cudaSuccess)
    return e;
  if (const cudaError_t e = settle(); e != cudaSuccess) return e;
  return remember(allocate(pointer, bytes));
}
cudaError_t cudaFree(void* pointer) {
  ENTER_API_NEEDING(Needs::kDevice, Arena::get().excuse_leak(address_of(pointer)));
  const DeviceLock lock(device_mutex());
  if (const cudaError_t e = refuse_in_capture(cudaErrorStreamCaptureUnsupported); e != cudaSuccess)
    return e;
  const cudaError_t freed = release(pointer);
  const cudaError_t fault = settle();
  return remember(fault != cudaSuccess ? fault : freed);
}
cudaError_t cudaMallocAsync(void** pointer, size_t bytes, cudaStream_t stream) {
  ENTER_API();
  const DeviceLock lock(device_mutex());
  const StreamState* const s = find_stream(stream);
  if (s == nullptr) return remember(cudaErrorInvalidResourceHandle);
  if (s->status != cudaStreamCaptureStatusNone) return remember(cudaErrorNotSupported);
  return remember(allocate(pointer, bytes));
}
cudaError_t cudaFreeAsync(void* pointer, cudaStream_t stream) {
  ENTER_API_NEEDING(Needs::kDevice, Arena::get().excuse_leak(address_of(pointer)));
  if (const cudaError_t e = sticky(); e != cudaSuccess) {
    const DeviceLock lock(device_mutex());
    release(pointer);
    return e;
  }
  return queued(stream, cudaGraphNodeTypeMemFree, [pointer] { return release(pointer); });
}
cudaError_t cudaMallocPitch(void** pointer, size_t* pitch, size_t width, size_t height) {
  ENTER_API();
  *pitch = (width + 511) / 512 * 512;
  return cudaMalloc(pointer, *pitch * height);
}
cudaError_t cudaHostAlloc(void** pointer, size_t bytes, unsigned) {
  ENTER_API();
  const DeviceLock lock(device_mutex());
  *pointer = std::aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
  if (*pointer == nullptr) return remember(cudaErrorMemoryAllocation);
  pinned()[*pointer] = bytes;
  return cudaSuccess;
}
cudaError_t cudaMallocHost(void** pointer, size_t bytes) {
  ENTER_API();
  return cudaHostAlloc(pointer, bytes, 0);
}
cudaError_t cudaFreeHost(void* pointer) {
  ENTER_API_NEEDING(Needs::kDevice);
  const DeviceLock lock(device_mutex());
  if (pointer == nullptr) return sticky();
  if (pinned().erase(pointer) == 0) return remember(cudaErrorInvalidValue);
  std::free(pointer);
  return sticky();
}
cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  ENTER_API();
  const DeviceLock lock(device_mutex());
  *total = config().memory;
  *free = config().memory - Arena::get().used();
  return cudaSuccess;
}
cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* a, const void* pointer) {
  ENTER_API();
  const DeviceLock lock(device_mutex());
  *a = {};
  const bool device = Arena::get().contains(address_of(pointer), 1);
  bool host = false;
  for (const auto& [begin, bytes] : pinned())
    host |= address_of(pointer) - address_of(begin) < bytes;
  a->type = device ? cudaMemoryTypeDevice : host ? cudaMemoryTypeHost : cudaMemoryTypeUnregistered;
  a->device = device || host ? 0 : -2;
  a->devicePointer = device ? const_cast<void*>(pointer) : nullptr;
  a->hostPointer = host ? const_cast<void*>(pointer) : nullptr;
  return cudaSuccess;
}

cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  ENTER_API();
  return now([=] { return copy(to, from, bytes, kind); });
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  ENTER_API();
  return queued(stream, cudaGraphNodeTypeMemcpy, [=] { return copy(to, from, bytes, kind); });
}
cudaError_t cudaMemcpy2D(void* to, size_t to_pitch, const void* from, size_t from_pitch,
                         size_t width, size_t height, cudaMemcpyKind kind) {
  ENTER_API();
  return now([=] { return copy_2d(to, to_pitch, from, from_pitch, width, height, kind); });
}
cudaError_t cudaMemcpy2DAsync(void* to, size_t to_pitch, const void* from, size_t from_pitch,
                              size_t width, size_t height, cudaMemcpyKind kind,
                              cudaStream_t stream) {
  ENTER_API();
  return queued(stream, cudaGraphNodeTypeMemcpy,
                [=] { return copy_2d(to, to_pitch, from, from_pitch, width, height, kind); });
}
cudaError_t cudaMemset(void* to, int value, size_t bytes) {
  ENTER_API();
  return now([=] { return fill(to, value, bytes); });
}
cudaError_t cudaMemsetAsync(void* to, int value, size_t bytes, cudaStream_t stream) {
  ENTER_API();
  return queued(stream, cudaGraphNodeTypeMemset, [=] { return fill(to, value, bytes); });
}
cudaError_t cudaMemset2D(void* to, size_t pitch, int value, size_t width, size_t height) {
  ENTER_API();
  return now([=] {
    for (size_t y = 0; y < height; ++y) {
      if (const cudaError_t e = fill(static_cast<char*>(to) + y * pitch, value, width);
          e != cudaSuccess)
        return e;
    }
    return cudaSuccess;
  });
}
cudaError_t cudaMemcpyToSymbol(const void* symbol, const void* from, size_t bytes, size_t offset,
                               cudaMemcpyKind kind) {
  ENTER_API();
  return now([=] {
    void* to = nullptr;
    const cudaError_t e = symbol_range(symbol, offset, bytes, &to);
    return e != cudaSuccess ? e : copy(to, from, bytes, kind);
  });
}
cudaError_t cudaMemcpyFromSymbol(void* to, const void* symbol, size_t bytes, size_t offset,
                                 cudaMemcpyKind kind) {
  ENTER_API();
  return now([=] {
    void* from = nullptr;
    const cudaError_t e = symbol_range(symbol, offset, bytes, &from);
    return e != cudaSuccess ? e : copy(to, from, bytes, kind);
  });
}
cudaError_t cudaMemcpyToSymbolAsync(const void* symbol, const void* from, size_t bytes,
                                    size_t offset, cudaMemcpyKind kind, cudaStream_t stream) {
  ENTER_API();
  return queued(stream, cudaGraphNodeTypeMemcpy, [=] {
    void* to = nullptr;
    const cudaError_t e = symbol_range(symbol, offset, bytes, &to);
    return e != cudaSuccess ? e : copy(to, from, bytes, kind);
  });
}
cudaError_t cudaMemcpyFromSymbolAsync(void* to, const void* symbol, size_t bytes, size_t offset,
                                      cudaMemcpyKind kind, cudaStream_t stream) {
  ENTER_API();
  return queued(stream, cudaGraphNodeTypeMemcpy, [=] {
    void* from = nullptr;
    const cudaError_t e = symbol_range(symbol, offset, bytes, &from);
    return e != cudaSuccess ? e : copy(to, from, bytes, kind);
  });
}

}  // extern "C"
