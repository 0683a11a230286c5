#include "runtime/library.h"

#include <map>
#include <string>
#include <vector>

#include "core/arena.h"
#include "core/config.h"
#include "core/report.h"
#include "runtime/injection.h"
#include "runtime/stream.h"

namespace burin::softgpu {
namespace {

std::map<std::string, KernelCounters>& counters_by_name() {
  static auto* const counters = new std::map<std::string, KernelCounters>;
  return *counters;
}

uint64_t address_of(const void* p) {
  return reinterpret_cast<uint64_t>(p);
}
size_t extent(const SoftgpuRegion& r) {
  return r.rows == 0 || r.row_bytes == 0 ? 0 : (r.rows - 1) * r.step + r.row_bytes;
}

std::string bytes_at(const SoftgpuRegion& r) {
  char text[80];
  std::snprintf(text, sizeof text, "%zu bytes at %p", extent(r), r.address);
  return text;
}

bool is_in_memory(const std::string& name, const SoftgpuRegion& r) {
  if (extent(r) == 0 || Arena::get().contains(address_of(r.address), extent(r))) return true;
  const std::string what =
      name + (r.is_written ? " writes " : " reads ") + bytes_at(r) + ", not inside an allocation";
  if (config().memcheck) report("memcheck", what, what);
  return false;
}

void look_for_unwritten(const std::string& name, const SoftgpuRegion& r) {
  if (!config().initcheck || !r.is_read) return;
  for (size_t row = 0; row < r.rows; ++row) {
    for (size_t i = 0; i < r.row_bytes; ++i) {
      if (Arena::get().is_written(address_of(r.address) + row * r.step + i)) continue;
      report("initcheck", name, name + " reads what was never written, among " + bytes_at(r));
      return;
    }
  }
}

void count(const std::string& name, const std::vector<SoftgpuRegion>& regions) {
  if (!config().counting()) return;
  KernelCounters& c = counters_by_name()[name];
  ++c.launches;
  for (const SoftgpuRegion& r : regions) {
    const uint64_t sectors = (r.rows * r.row_bytes + 31) / 32;
    if (r.is_read) c.load_sectors += sectors, c.load_least += sectors;
    if (r.is_written) c.store_sectors += sectors, c.store_least += sectors;
  }
}

}  // namespace

const std::map<std::string, KernelCounters>& library_counters() {
  return counters_by_name();
}
void reset_library_counters() {
  counters_by_name().clear();
}

}  // namespace burin::softgpu

using namespace burin::softgpu;

extern "C" {

cudaError_t softgpu_submit(cudaStream_t stream, const char* name, const SoftgpuRegion* regions,
                           size_t region_count, void (*run)(void*), void* context,
                           void (*destroy)(void*)) {
  const DeviceLock lock(device_mutex());
  const std::shared_ptr<void> owned(context, destroy);
  ENTER_API();
  Operation operation;
  operation.type = cudaGraphNodeTypeKernel;
  operation.run = [=, title = std::string(name),
                   all = std::vector<SoftgpuRegion>(regions, regions + region_count)] {
    if (const cudaError_t e = injected_kernel_fault(title); e != cudaSuccess) {
      set_fault(e);
      return cudaSuccess;
    }
    for (const SoftgpuRegion& r : all) {
      if (is_in_memory(title, r)) continue;
      set_fault(cudaErrorIllegalAddress);
      return cudaSuccess;  // a fault shows when the work is waited for
    }
    for (const SoftgpuRegion& r : all) look_for_unwritten(title, r);
    run(owned.get());
    for (const SoftgpuRegion& r : all) {
      for (size_t row = 0; r.is_written && row < r.rows; ++row) {
        Arena::get().mark_written(address_of(r.address) + row * r.step, r.row_bytes);
      }
    }
    count(title, all);
    return cudaSuccess;
  };
  return remember(submit(stream, std::move(operation)));
}

void* softgpu_host(const void* device) {
  return Arena::host(address_of(device));
}

}  // extern "C"
