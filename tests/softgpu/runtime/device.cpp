// The device: its properties, limits and the calls that wait for all of it. The numbers are those
// of an A100, but for the number of multiprocessors and the memory, which can be set.
#include <cstring>

#include "core/config.h"
#include "runtime/stream.h"

using namespace burin::softgpu;

extern "C" {

cudaError_t cudaGetDeviceCount(int* count) {
  ENTER_API_NEEDING(Needs::kNothing);
  *count = config().devices;
  return *count > 0 ? cudaSuccess : remember(cudaErrorNoDevice);
}
cudaError_t cudaGetDevice(int* device) {
  ENTER_API_NEEDING(Needs::kDevice);
  *device = 0;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) {
  ENTER_API();
  return device == 0 ? cudaSuccess : remember(cudaErrorInvalidDevice);
}
cudaError_t cudaInitDevice(int device, unsigned, unsigned) {
  ENTER_API();
  return cudaSetDevice(device);
}
cudaError_t cudaSetDeviceFlags(unsigned) {
  ENTER_API();
  return cudaSuccess;
}
cudaError_t cudaDeviceSynchronize() {
  ENTER_API();
  const DeviceLock lock(device_mutex());
  if (const cudaError_t e = refuse_in_capture(cudaErrorStreamCaptureUnsupported); e != cudaSuccess)
    return e;
  return settle();
}
cudaError_t cudaDeviceReset() {
  ENTER_API();
  return cudaDeviceSynchronize();
}
cudaError_t cudaRuntimeGetVersion(int* version) {
  ENTER_API_NEEDING(Needs::kNothing);
  *version = CUDART_VERSION;
  return cudaSuccess;
}
cudaError_t cudaDriverGetVersion(int* version) {
  ENTER_API_NEEDING(Needs::kNothing);
  return cudaRuntimeGetVersion(version);
}
cudaError_t cudaDeviceGetStreamPriorityRange(int* least, int* greatest) {
  ENTER_API();
  *least = 0, *greatest = -5;
  return cudaSuccess;
}
cudaError_t cudaDeviceSetCacheConfig(cudaFuncCache) {
  ENTER_API();
  return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* p, int device) {
  ENTER_API_NEEDING(Needs::kDevice);
  if (device != 0) return remember(cudaErrorInvalidDevice);
  *p = {};
  std::strcpy(p->name, "Burin software GPU");
  p->totalGlobalMem = config().memory;
  p->sharedMemPerBlock = 48 * 1024;
  p->regsPerBlock = p->regsPerMultiprocessor = 65536;
  p->warpSize = 32;
  p->memPitch = 0x7fffffff;
  p->maxThreadsPerBlock = 1024;
  p->maxThreadsDim[0] = p->maxThreadsDim[1] = 1024, p->maxThreadsDim[2] = 64;
  p->maxGridSize[0] = 0x7fffffff, p->maxGridSize[1] = p->maxGridSize[2] = 65535;
  p->totalConstMem = 65536;
  p->major = config().capability / 10, p->minor = config().capability % 10;
  p->textureAlignment = 512;
  p->multiProcessorCount = config().processors;
  p->concurrentKernels = 1;
  p->unifiedAddressing = 1;
  p->memoryBusWidth = 5120;
  p->l2CacheSize = 40 << 20;
  p->maxThreadsPerMultiProcessor = 2048;
  p->streamPrioritiesSupported = 1;
  p->globalL1CacheSupported = p->localL1CacheSupported = 1;
  p->sharedMemPerMultiprocessor = 164 * 1024;
  p->sharedMemPerBlockOptin = 163 * 1024;
  p->reservedSharedMemPerBlock = 1024;
  p->maxBlocksPerMultiProcessor = 32;
  p->memoryPoolsSupported = 1;
  p->asyncEngineCount = 3;
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  ENTER_API_NEEDING(Needs::kDevice);
  cudaDeviceProp p;
  if (const cudaError_t e = cudaGetDeviceProperties(&p, device); e != cudaSuccess) return e;
  switch (attribute) {
    case cudaDevAttrMaxThreadsPerBlock:
      *value = p.maxThreadsPerBlock;
      break;
    case cudaDevAttrMaxBlockDimX:
    case cudaDevAttrMaxBlockDimY:
      *value = 1024;
      break;
    case cudaDevAttrMaxBlockDimZ:
      *value = 64;
      break;
    case cudaDevAttrMaxGridDimX:
      *value = p.maxGridSize[0];
      break;
    case cudaDevAttrMaxGridDimY:
    case cudaDevAttrMaxGridDimZ:
      *value = p.maxGridSize[1];
      break;
    case cudaDevAttrMaxSharedMemoryPerBlock:
      *value = static_cast<int>(p.sharedMemPerBlock);
      break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
      *value = static_cast<int>(p.sharedMemPerBlockOptin);
      break;
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
      *value = static_cast<int>(p.sharedMemPerMultiprocessor);
      break;
    case cudaDevAttrReservedSharedMemoryPerBlock:
      *value = 1024;
      break;
    case cudaDevAttrTotalConstantMemory:
      *value = 65536;
      break;
    case cudaDevAttrWarpSize:
      *value = 32;
      break;
    case cudaDevAttrMaxRegistersPerBlock:
    case cudaDevAttrMaxRegistersPerMultiprocessor:
      *value = 65536;
      break;
    case cudaDevAttrMultiProcessorCount:
      *value = p.multiProcessorCount;
      break;
    case cudaDevAttrComputeCapabilityMajor:
      *value = p.major;
      break;
    case cudaDevAttrComputeCapabilityMinor:
      *value = p.minor;
      break;
    case cudaDevAttrMaxThreadsPerMultiProcessor:
      *value = 2048;
      break;
    case cudaDevAttrMaxBlocksPerMultiprocessor:
      *value = 32;
      break;
    case cudaDevAttrL2CacheSize:
      *value = p.l2CacheSize;
      break;
    case cudaDevAttrGlobalMemoryBusWidth:
      *value = p.memoryBusWidth;
      break;
    case cudaDevAttrConcurrentKernels:
    case cudaDevAttrUnifiedAddressing:
    case cudaDevAttrMemoryPoolsSupported:
    case cudaDevAttrStreamPrioritiesSupported:
      *value = 1;
      break;
    case cudaDevAttrClockRate:
      *value = 1410000;
      break;
    case cudaDevAttrMemoryClockRate:
      *value = 1215000;
      break;
    // What the software GPU cannot do.
    case cudaDevAttrIntegrated:
    case cudaDevAttrManagedMemory:
    case cudaDevAttrCanMapHostMemory:
    case cudaDevAttrPageableMemoryAccess:
    case cudaDevAttrCooperativeLaunch:
    case cudaDevAttrKernelExecTimeout:
    case cudaDevAttrComputeMode:
    case cudaDevAttrEccEnabled:
      *value = 0;
      break;
    default:
      return remember(cudaErrorNotSupported);
  }
  return cudaSuccess;
}

}  // extern "C"
