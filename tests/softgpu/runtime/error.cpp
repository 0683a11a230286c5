#include <atomic>
#include <string>

#include "core/config.h"
#include "runtime/state.h"

namespace burin::softgpu {
namespace {

thread_local cudaError_t last = cudaSuccess;
std::atomic<cudaError_t> fault = cudaSuccess;
std::atomic<bool> fault_shown = false;

struct Name {
  int code;
  const char* name;
  const char* text;
};
constexpr Name kNames[] = {
#include "runtime/errors.inc"
};

const Name* find(cudaError_t e) {
  for (const Name& n : kNames) {
    if (n.code == static_cast<int>(e)) return &n;
  }
  return nullptr;
}

}  // namespace

std::recursive_mutex& device_mutex() {
  static auto* const m = new std::recursive_mutex;
  return *m;
}

cudaError_t remember(cudaError_t e) {
  if (e != cudaSuccess && e != cudaErrorNotReady) last = e;
  return e;
}

void set_fault(cudaError_t e) {
  cudaError_t none = cudaSuccess;
  fault.compare_exchange_strong(none, e);
}
cudaError_t settle() {
  fault_shown = fault != cudaSuccess;
  return remember(fault);
}
cudaError_t sticky() {
  return fault_shown ? remember(fault) : cudaSuccess;
}
bool has_fault() {
  return fault != cudaSuccess;
}

bool is_sticky(cudaError_t e) {
  switch (e) {
    case cudaErrorContained:
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchTimeout:
    case cudaErrorAssert:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorLaunchFailure:
    case cudaErrorTensorMemoryLeak:
    case cudaErrorMpsClientTerminated:
    case cudaErrorExternalDevice:
      return true;
    default:
      return false;
  }
}

cudaError_t error_of(const std::string& text) {
  for (const Name& n : kNames) {
    if (text == n.name || text == std::to_string(n.code)) return static_cast<cudaError_t>(n.code);
  }
  return cudaSuccess;
}

}  // namespace burin::softgpu

using namespace burin::softgpu;

extern "C" {

cudaError_t cudaGetLastError() {
  const cudaError_t e = fault_shown ? fault.load() : last;
  last = cudaSuccess;
  return e;
}
cudaError_t cudaPeekAtLastError() {
  return fault_shown ? fault.load() : last;
}
const char* cudaGetErrorName(cudaError_t e) {
  const Name* n = find(e);
  return n != nullptr ? n->name : "unrecognized error code";
}
const char* cudaGetErrorString(cudaError_t e) {
  const Name* n = find(e);
  return n != nullptr ? n->text : "unrecognized error code";
}

}  // extern "C"
