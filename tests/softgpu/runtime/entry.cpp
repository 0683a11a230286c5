#include "runtime/entry.h"

#include "core/config.h"
#include "runtime/injection.h"

// The linker's names for the two ends of the section.
extern "C" burin::softgpu::ApiFunction __start_softgpu_api[], __stop_softgpu_api[];

namespace burin::softgpu {
namespace {

thread_local int depth = 0;  // functions of the runtime may call one another: the outermost counts
std::atomic<uint64_t> all_calls{0};

}  // namespace

std::span<ApiFunction> api_functions() {
  return {__start_softgpu_api, __stop_softgpu_api};
}

std::map<std::string, uint64_t> api_calls() {
  std::map<std::string, uint64_t> calls;
  for (const ApiFunction& f : api_functions()) {
    if (const uint64_t n = f.calls - f.calls_at_reset; n > 0) calls[f.name] = n;
  }
  return calls;
}
void reset_api_calls() {
  for (ApiFunction& f : api_functions()) f.calls_at_reset = f.calls.load();
}

// Wrong settings end the process here, before it has done anything.
__attribute__((constructor)) void watch_calls() {
  const bool injecting = read_injections();
  ApiCall::is_watching_ = injecting || config().counting() || config().devices == 0;
}

cudaError_t ApiCall::enter(ApiFunction& f) {
  if (depth++ > 0) return cudaSuccess;
  const uint64_t call = ++f.calls, of_all = ++all_calls;
  if (const cudaError_t e = injected_error(f, call, of_all); e != cudaSuccess) {
    if (!is_sticky(e)) return remember(e);
    set_fault(e);
    return settle();
  }
  return config().devices == 0 && f.needs != Needs::kNothing ? remember(cudaErrorNoDevice)
                                                             : cudaSuccess;
}

void ApiCall::leave() {
  --depth;
}

}  // namespace burin::softgpu
