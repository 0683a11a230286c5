// What a library that stands in for one of NVIDIA's needs of the runtime: work on a stream that
// runs on the host, looked at by the checks as a kernel's accesses are.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>

extern "C" {

// rows x row_bytes of device memory, `step` bytes apart.
struct SoftgpuRegion {
  const void* address;
  size_t rows, row_bytes, step;
  int is_read, is_written;
};

// Puts run(context) on a stream, or into the graph that is captured from it, under the name that
// findings and counters give it. When it runs, each region must lie in one allocation, else it does
// not run and the stream faults as by a kernel; what is read and was never written is a finding of
// initcheck. destroy(context) is called when it can run no more.
cudaError_t softgpu_submit(cudaStream_t stream, const char* name, const SoftgpuRegion* regions,
                           size_t region_count, void (*run)(void*), void* context,
                           void (*destroy)(void*));

// Where the host finds the bytes of a device address; within run() only.
void* softgpu_host(const void* device);
}
