// Kernel launches.
#include <cstdio>
#include <cstring>

#include "core/config.h"
#include "core/scheduler.h"
#include "runtime/injection.h"
#include "runtime/stream.h"

namespace burin::softgpu {
namespace {

constexpr size_t kSharedOptIn = 163 * 1024;

struct CallConfiguration {
  dim3 grid, block;
  size_t shared;
  cudaStream_t stream;
};
thread_local std::vector<CallConfiguration> call_stack;

cudaError_t launch(const void* function, dim3 grid, dim3 block, void** arguments, size_t shared,
                   cudaStream_t stream) {
  const DeviceLock lock(device_mutex());
  Kernel* const kernel = find_kernel(function);
  if (kernel == nullptr) return remember(why_no_kernel(function));
  if (const cudaError_t e = check_launch(*kernel, grid, block, shared); e != cudaSuccess)
    return remember(e);
  return remember(submit(stream, kernel_operation(kernel, grid, block, arguments, shared)));
}

}  // namespace

cudaError_t check_launch(Kernel& k, dim3 grid, dim3 block, size_t shared) {
  const uint64_t threads = uint64_t{block.x} * block.y * block.z;
  if (threads == 0 || threads > 1024 || block.x > 1024 || block.y > 1024 || block.z > 64)
    return cudaErrorInvalidConfiguration;
  if (grid.x == 0 || grid.y == 0 || grid.z == 0 || grid.x > 0x7fffffffu || grid.y > 65535 ||
      grid.z > 65535) {
    return cudaErrorInvalidConfiguration;
  }
  if (k.function->max_threads != 0 && threads > k.function->max_threads)
    return cudaErrorLaunchOutOfResources;
  if (const int e = load_kernel(k); e != 0) return static_cast<cudaError_t>(e);
  if (shared > k.dynamic_shared_limit || k.image->static_shared + shared > kSharedOptIn)
    return cudaErrorInvalidValue;
  if (k.image->static_shared + shared > std::max<size_t>(48 * 1024, k.dynamic_shared_limit))
    return cudaErrorInvalidValue;
  return cudaSuccess;
}

Operation kernel_operation(Kernel* kernel, dim3 grid, dim3 block, void* const* arguments,
                           size_t shared) {
  Operation o;
  o.type = cudaGraphNodeTypeKernel;
  o.kernel = kernel;
  o.grid = grid, o.block = block, o.shared = shared;
  o.parameters.resize(kernel->parameters.bytes + 16);
  for (size_t i = 0; i < kernel->parameters.entries.size(); ++i) {
    const auto [offset, bytes] = kernel->parameters.entries[i];
    std::memcpy(o.parameters.data() + offset, arguments[i], bytes);
  }
  return o;
}

cudaError_t execute(const Operation& o) {
  if (has_fault() && o.type != cudaGraphNodeTypeMemFree) return cudaSuccess;
  if (o.kernel == nullptr) return o.run ? o.run() : cudaSuccess;
  if (const cudaError_t e = injected_kernel_fault(o.kernel->name); e != cudaSuccess) {
    set_fault(e);
    return cudaSuccess;
  }
  const LaunchShape shape{{o.grid.x, o.grid.y, o.grid.z},
                          {o.block.x, o.block.y, o.block.z},
                          static_cast<uint32_t>(o.shared)};
  const int fault = Scheduler::get().run(*o.kernel, shape, o.parameters.data());
  if (fault != 0) set_fault(static_cast<cudaError_t>(fault));
  return cudaSuccess;  // a fault shows when the kernel is waited for
}

}  // namespace burin::softgpu

using namespace burin::softgpu;

extern "C" {

unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, size_t shared, cudaStream_t stream) {
  call_stack.push_back({grid, block, shared, stream});
  return 0;
}
cudaError_t __cudaPopCallConfiguration(dim3* grid, dim3* block, size_t* shared, void* stream) {
  if (call_stack.empty()) return remember(cudaErrorMissingConfiguration);
  const CallConfiguration c = call_stack.back();
  call_stack.pop_back();
  *grid = c.grid, *block = c.block, *shared = c.shared;
  *static_cast<cudaStream_t*>(stream) = c.stream;
  return cudaSuccess;
}

cudaError_t __cudaLaunchKernel(cudaKernel_t kernel, dim3 grid, dim3 block, void** arguments,
                               size_t shared, cudaStream_t stream) {
  return cudaLaunchKernel(kernel, grid, block, arguments, shared, stream);
}
cudaError_t cudaLaunchKernel(const void* function, dim3 grid, dim3 block, void** arguments,
                             size_t shared, cudaStream_t stream) {
  ENTER_API();
  return launch(function, grid, block, arguments, shared, stream);
}
cudaError_t cudaLaunchKernelExC(const cudaLaunchConfig_t* config, const void* function,
                                void** arguments) {
  ENTER_API();
  for (unsigned i = 0; i < config->numAttrs; ++i) {
    const cudaLaunchAttributeID id = config->attrs[i].id;
    if (id == cudaLaunchAttributeIgnore || id == cudaLaunchAttributePriority ||
        id == cudaLaunchAttributeProgrammaticStreamSerialization)
      continue;
    std::fprintf(stderr, "softgpu: not implemented: launch attribute %d\n", static_cast<int>(id));
    return remember(cudaErrorNotSupported);
  }
  return launch(function, config->gridDim, config->blockDim, arguments, config->dynamicSmemBytes,
                config->stream);
}

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* a, const void* function) {
  ENTER_API();
  const DeviceLock lock(device_mutex());
  Kernel* const k = find_kernel(function);
  if (k == nullptr) return remember(why_no_kernel(function));
  if (const int e = load_kernel(*k); e != 0) return remember(static_cast<cudaError_t>(e));
  *a = {};
  a->sharedSizeBytes = k->image->static_shared;
  a->localSizeBytes = k->image->local_bytes;
  a->maxThreadsPerBlock =
      k->function->max_threads != 0 ? static_cast<int>(k->function->max_threads) : 1024;
  a->numRegs = 32;  // registers are not modelled
  a->ptxVersion = a->binaryVersion = config().capability;
  a->maxDynamicSharedSizeBytes = static_cast<int>(k->dynamic_shared_limit);
  a->preferredShmemCarveout = -1;
  return cudaSuccess;
}
cudaError_t cudaFuncSetAttribute(const void* function, cudaFuncAttribute attribute, int value) {
  ENTER_API();
  const DeviceLock lock(device_mutex());
  Kernel* const k = find_kernel(function);
  if (k == nullptr) return remember(why_no_kernel(function));
  if (const int e = load_kernel(*k); e != 0) return remember(static_cast<cudaError_t>(e));
  if (attribute == cudaFuncAttributeMaxDynamicSharedMemorySize) {
    if (value < 0 || static_cast<size_t>(value) + k->image->static_shared > kSharedOptIn)
      return remember(cudaErrorInvalidValue);
    k->dynamic_shared_limit = static_cast<uint32_t>(value);
    return cudaSuccess;
  }
  return attribute == cudaFuncAttributePreferredSharedMemoryCarveout
             ? cudaSuccess
             : remember(cudaErrorNotSupported);
}
cudaError_t cudaFuncSetCacheConfig(const void*, cudaFuncCache) {
  ENTER_API();
  return cudaSuccess;
}
cudaError_t cudaFuncGetName(const char** name, const void* function) {
  ENTER_API();
  const DeviceLock lock(device_mutex());
  const Kernel* const k = find_kernel(function);
  if (k == nullptr) return remember(why_no_kernel(function));
  *name = k->function->name.c_str();
  return cudaSuccess;
}

// The limits of an A100, with 32 registers a thread.
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int* blocks,
                                                                   const void* function,
                                                                   int block_size, size_t shared,
                                                                   unsigned) {
  ENTER_API();
  const DeviceLock lock(device_mutex());
  Kernel* const k = find_kernel(function);
  if (k == nullptr) return remember(why_no_kernel(function));
  if (block_size <= 0) return remember(cudaErrorInvalidValue);
  if (const int e = load_kernel(*k); e != 0) return remember(static_cast<cudaError_t>(e));
  const size_t used = k->image->static_shared + shared + 1024;
  const int by_threads = 2048 / ((block_size + 31) / 32 * 32);
  const int by_shared = static_cast<int>(164 * 1024 / used);
  *blocks = block_size > 1024 ? 0 : std::min({32, by_threads, by_shared});
  return cudaSuccess;
}
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const void* function,
                                                          int block_size, size_t shared) {
  ENTER_API();
  return cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(blocks, function, block_size,
                                                                shared, 0);
}

}  // extern "C"
