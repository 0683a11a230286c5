// What every function of the runtime that can report an error does first: the call is counted, it
// fails if SOFTGPU_FAIL says so, and it returns the error of a device that is lost or not there.
#pragma once

#include <cuda_runtime_api.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "runtime/state.h"

namespace burin::softgpu {

enum class Needs : uint8_t {
  kNothing,        // answers without a device
  kDevice,         // also enters after a fault: it gives something back, or only reads properties
  kHealthyDevice,  // after a fault has shown it returns the fault
};

// A function of the runtime. They lie side by side in a section of their own, so that each one that
// begins with ENTER_API is known by name from the start.
struct alignas(32) ApiFunction {
  const char* name;
  Needs needs;
  std::atomic<uint64_t> calls{0};  // by the program, not by another function; only while watched
  std::atomic<uint64_t> calls_at_reset{0};
};
std::span<ApiFunction> api_functions();
// By name, since the start or the last reset; without those that were not called.
std::map<std::string, uint64_t> api_calls();
void reset_api_calls();

class ApiCall {
 public:
  explicit ApiCall(ApiFunction& f) : watched_(is_watching_) {
    if (watched_) [[unlikely]]
      error_ = enter(f);
    if (error_ == cudaSuccess && f.needs == Needs::kHealthyDevice) error_ = sticky();
  }
  ~ApiCall() {
    if (watched_) [[unlikely]]
      leave();
  }
  ApiCall(const ApiCall&) = delete;
  cudaError_t error() const { return error_; }

 private:
  friend void watch_calls();
  static cudaError_t enter(ApiFunction& f);
  static void leave();

  // Calls are counted, may be made to fail, or there is no device. Set when the library is loaded.
  static inline bool is_watching_ = false;
  bool watched_;
  cudaError_t error_ = cudaSuccess;
};

// Further arguments: what is done before an error is returned.
#define ENTER_API_NEEDING(NEEDS, ...)                                                      \
  __attribute__((section("softgpu_api"), used)) static constinit ApiFunction api_function{ \
      __func__, NEEDS};                                                                    \
  const ApiCall api_call(api_function);                                                    \
  if (const cudaError_t api_error = api_call.error(); api_error != cudaSuccess) {          \
    __VA_ARGS__;                                                                           \
    return api_error;                                                                      \
  }                                                                                        \
  static_assert(true)
#define ENTER_API() ENTER_API_NEEDING(Needs::kHealthyDevice)

}  // namespace burin::softgpu
