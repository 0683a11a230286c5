#include <cstdio>

#include "core/config.h"
#include "runtime/state.h"

namespace burin::softgpu {
namespace {

thread_local cudaError_t last = cudaSuccess;
cudaError_t fault = cudaSuccess;
bool fault_shown = false;

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
  if (fault == cudaSuccess) fault = e;
}
cudaError_t settle() {
  fault_shown = fault != cudaSuccess;
  return remember(fault);
}
cudaError_t sticky() {
  return fault_shown ? remember(fault) : cudaSuccess;
}

}  // namespace burin::softgpu

using namespace burin::softgpu;

extern "C" {

cudaError_t cudaGetLastError() {
  const cudaError_t e = fault_shown ? fault : last;
  last = cudaSuccess;
  return e;
}
cudaError_t cudaPeekAtLastError() {
  return fault_shown ? fault : last;
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
