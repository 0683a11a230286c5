// Registration of the program's modules, kernels and variables. A module is read when it is first
// needed.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/arena.h"
#include "core/config.h"
#include "core/report.h"
#include "fatbin.h"
#include "runtime/entry.h"
#include "runtime/injection.h"
#include "runtime/state.h"

namespace burin::softgpu {
namespace {

struct Registered {
  const void* image = nullptr;
  std::unique_ptr<LoadedModule> module;
  bool tried = false;
  bool is_foreign = false;  // nothing in it is for this device
};
struct Named {
  Registered* owner;
  std::string name;
};
struct Tables {
  std::vector<std::unique_ptr<Registered>> modules;
  std::unordered_map<const void*, Named> kernels, variables;
  std::unordered_map<const void*, Kernel*> resolved;
  std::unordered_set<const void*> handles;
};
Tables& tables() {
  static auto* const t = new Tables;  // used until the end of the process
  return *t;
}

LoadedModule* loaded(Registered* r) {
  if (!r->tried) {
    r->tried = true;
    std::string text = ptx_of_image(r->image, &r->is_foreign);
    if (!text.empty()) r->module = load_module(std::move(text));
  }
  return r->module.get();
}

cudaError_t why_nothing_in(const std::unordered_map<const void*, Named>& names, const void* key,
                           cudaError_t unknown) {
  const auto named = names.find(key);
  return named != names.end() && named->second.owner->is_foreign ? cudaErrorNoKernelImageForDevice
                                                                 : unknown;
}

// After the program's own destructors.
__attribute__((destructor)) void at_end() {
  write_counters();
  report_missed_injections();
  finish_reports();
}

}  // namespace

Kernel* find_kernel(const void* function) {
  Tables& t = tables();
  if (const auto known = t.resolved.find(function); known != t.resolved.end()) return known->second;
  if (t.handles.contains(function)) return static_cast<Kernel*>(const_cast<void*>(function));
  const auto named = t.kernels.find(function);
  if (named == t.kernels.end()) return nullptr;
  LoadedModule* const m = loaded(named->second.owner);
  if (m == nullptr) return nullptr;
  const auto k = m->kernels.find(named->second.name);
  if (k == m->kernels.end()) return nullptr;
  t.handles.insert(k->second.get());
  return t.resolved[function] = k->second.get();
}

cudaError_t why_no_kernel(const void* function) {
  return why_nothing_in(tables().kernels, function, cudaErrorInvalidDeviceFunction);
}
cudaError_t why_no_variable(const void* host_variable) {
  return why_nothing_in(tables().variables, host_variable, cudaErrorInvalidSymbol);
}

uint64_t find_variable(const void* host_variable, size_t* bytes) {
  Tables& t = tables();
  const auto named = t.variables.find(host_variable);
  if (named == t.variables.end()) return 0;
  LoadedModule* const m = loaded(named->second.owner);
  if (m == nullptr) return 0;
  const auto address = m->addresses.find(named->second.name);
  if (address == m->addresses.end()) return 0;
  if (bytes != nullptr) *bytes = m->ptx.variables.at(named->second.name)->bytes;
  return address->second;
}

std::vector<Kernel*> all_kernels() {
  std::vector<Kernel*> kernels;
  for (const auto& r : tables().modules) {
    if (r->module == nullptr) continue;
    for (const auto& [name, k] : r->module->kernels) kernels.push_back(k.get());
  }
  std::sort(kernels.begin(), kernels.end(),
            [](const Kernel* a, const Kernel* b) { return a->function->name < b->function->name; });
  return kernels;
}

void write_counters() {
  if (!config().counting() || config().counters == "-") return;
  std::ofstream out(config().counters);
  write_counters_json(out, all_kernels(), library_counters(), api_calls());
}

}  // namespace burin::softgpu

using namespace burin::softgpu;

extern "C" {

void** __cudaRegisterFatBinary(void* image) {
  const DeviceLock lock(device_mutex());
  auto r = std::make_unique<Registered>();
  r->image = image;
  tables().modules.push_back(std::move(r));
  return reinterpret_cast<void**>(tables().modules.back().get());
}
void __cudaRegisterFatBinaryEnd(void**) {}
void __cudaUnregisterFatBinary(void**) {}
char __cudaInitModule(void**) {
  return 0;
}

void __cudaRegisterFunction(void** handle, const char* host, char*, const char* name, int, uint3*,
                            uint3*, dim3*, dim3*, int*) {
  const DeviceLock lock(device_mutex());
  tables().kernels[host] = {reinterpret_cast<Registered*>(handle), name};
}
void __cudaRegisterVar(void** handle, char* host, char*, const char* name, int, size_t, int, int) {
  const DeviceLock lock(device_mutex());
  tables().variables[host] = {reinterpret_cast<Registered*>(handle), name};
}
void __cudaRegisterManagedVar(void**, void**, char*, const char* name, int, size_t, int, int) {
  std::fprintf(stderr, "softgpu: not implemented: __managed__ variable %s\n", name);
  std::abort();
}

cudaError_t __cudaGetKernel(cudaKernel_t* kernel, const void* function) {
  const DeviceLock lock(device_mutex());
  Kernel* const k = find_kernel(function);
  // Also without a kernel: the launch is what reports it, each time.
  *kernel = k != nullptr ? reinterpret_cast<cudaKernel_t>(k)
                         : static_cast<cudaKernel_t>(const_cast<void*>(function));
  return k != nullptr ? cudaSuccess : remember(why_no_kernel(function));
}
cudaError_t cudaGetKernel(cudaKernel_t* kernel, const void* function) {
  ENTER_API();
  return __cudaGetKernel(kernel, function);
}

cudaError_t cudaGetSymbolAddress(void** pointer, const void* symbol) {
  ENTER_API();
  const DeviceLock lock(device_mutex());
  const uint64_t a = find_variable(symbol, nullptr);
  *pointer = reinterpret_cast<void*>(a);
  return a != 0 ? cudaSuccess : remember(why_no_variable(symbol));
}
cudaError_t cudaGetSymbolSize(size_t* bytes, const void* symbol) {
  ENTER_API();
  const DeviceLock lock(device_mutex());
  return find_variable(symbol, bytes) != 0 ? cudaSuccess : remember(why_no_variable(symbol));
}

// For programs that read their own counters, which find these by name: dlsym(RTLD_DEFAULT, ...).
// The counters of what was launched and called since the start or the last reset, as JSON, cut to
// `size` bytes with the 0 at the end. Returns the bytes that all need; 0 if nothing is counted.
size_t softgpu_counters_json(char* buffer, size_t size) {
  const DeviceLock lock(device_mutex());
  if (!config().counting()) return 0;
  std::ostringstream text;
  write_counters_json(text, all_kernels(), library_counters(), api_calls());
  const std::string json = text.str();
  if (size > 0) buffer[json.copy(buffer, size - 1)] = '\0';
  return json.size() + 1;
}
void softgpu_counters_reset() {
  const DeviceLock lock(device_mutex());
  for (Kernel* k : all_kernels()) k->counters = {};
  reset_library_counters();
  reset_api_calls();
}

}  // extern "C"
