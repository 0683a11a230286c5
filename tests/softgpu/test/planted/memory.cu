// Bugs for memcheck and initcheck.
#include "test/planted/planted.h"

namespace {

__global__ void fill(int* a, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i <= n) a[i] = i;  // callers pass n - 1, or forget to
}
int run_fill(int last) {
  Ints a(100);
  fill<<<4, 32>>>(a.data, last);
  return finish();
}

__global__ void read_misaligned(const char* bytes, int offset, int* out) {
  out[0] = *reinterpret_cast<const int*>(bytes + offset);
}
int run_misaligned(int offset) {
  Ints a(4), out(1);
  read_misaligned<<<1, 1>>>(reinterpret_cast<const char*>(a.data), offset, out.data);
  return finish();
}

__global__ void copy_one(const int* from, int* to) {
  to[threadIdx.x] = from[threadIdx.x];
}

__global__ void shared_index(int* out, int shift) {
  extern __shared__ int s[];
  s[threadIdx.x + shift] = threadIdx.x;
  __syncthreads();
  out[threadIdx.x] = s[threadIdx.x + shift];
}

}  // namespace

CASE(out_of_bounds_bad) {
  return run_fill(100);
}
CASE(out_of_bounds_good) {
  return run_fill(99);
}
CASE(misaligned_bad) {
  return run_misaligned(2);
}
CASE(misaligned_good) {
  return run_misaligned(4);
}
CASE(use_after_free_bad) {
  Ints out(32);
  int* gone = nullptr;
  {
    Ints a(32);
    gone = a.data;
  }
  copy_one<<<1, 32>>>(gone, out.data);
  return finish();
}
CASE(use_after_free_good) {
  Ints out(32), a(32);
  copy_one<<<1, 32>>>(a.data, out.data);
  return finish();
}
CASE(null_pointer_bad) {
  Ints out(1);
  copy_one<<<1, 1>>>(nullptr, out.data);
  return finish();
}
CASE(double_free_bad) {
  int* a = nullptr;
  cudaMalloc(&a, 64);
  cudaFree(a);
  return cudaFree(a) == cudaErrorInvalidValue ? 0 : 1;
}
CASE(double_free_good) {
  int* a = nullptr;
  cudaMalloc(&a, 64);
  return cudaFree(a) == cudaSuccess ? 0 : 1;
}
CASE(leak_bad) {
  int* a = nullptr;
  cudaMalloc(&a, 64);
  return a != nullptr ? 0 : 1;
}
CASE(leak_good) {
  const Ints a(16);
  return finish();
}
CASE(shared_out_of_bounds_bad) {
  Ints out(32);
  shared_index<<<1, 32, 32 * sizeof(int)>>>(out.data, 1);
  return finish();
}
CASE(shared_out_of_bounds_good) {
  Ints out(32);
  shared_index<<<1, 32, 33 * sizeof(int)>>>(out.data, 1);
  return finish();
}
CASE(uninitialised_bad) {
  Ints out(32), a(32, false);
  copy_one<<<1, 32>>>(a.data, out.data);
  return finish();
}
CASE(uninitialised_good) {
  Ints out(32), a(32, false);
  cudaMemset(a.data, 0, 32 * sizeof(int));
  copy_one<<<1, 32>>>(a.data, out.data);
  return finish();
}
// One kernel writes what the next reads: the writes of kernels count.
CASE(initialised_by_kernel_good) {
  Ints out(32), a(32, false);
  fill<<<1, 32>>>(a.data, 31);
  copy_one<<<1, 32>>>(a.data, out.data);
  return finish();
}
CASE(copy_outside_bad) {
  const Ints a(4);
  int host[8] = {};
  return cudaMemcpy(host, a.data, sizeof host, cudaMemcpyDeviceToHost) == cudaErrorInvalidValue ? 0
                                                                                                : 1;
}
CASE(host_reads_device_bad) {
  const Ints a(4);
  return *reinterpret_cast<volatile int*>(a.data);  // device memory is not the host's: a crash
}
