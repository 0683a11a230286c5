// Kernels that end themselves, and what the runtime says after that.
#undef NDEBUG
#include <cassert>
#include <cstdio>

#include "test/planted/planted.h"

namespace {

__global__ void check_value(const int* a) {
  assert(a[threadIdx.x] < 5);
}
__global__ void give_up(const int* a) {
  if (a[threadIdx.x] == 7) __trap();
}
// Needs far more stack than a thread has.
__device__ __noinline__ int deep(int n, const int* a) {
  int room[64];
  for (int i = 0; i < 64; ++i) room[i] = a[i % 16] + n;
  if (n == 0) return 0;
  const int below = deep(n - 1, a);
  return 3 * below + room[static_cast<unsigned>(below) % 64];
}
__global__ void recurse(int n, int* a) {
  a[0] = deep(n, a);
}

// The fault shows when the kernel is waited for, and at every call after that.
int after_fault() {
  std::printf("launch: %s\n", cudaGetErrorName(cudaGetLastError()));
  std::printf("wait: %s\n", cudaGetErrorName(cudaDeviceSynchronize()));
  void* more = nullptr;
  std::printf("later: %s\n", cudaGetErrorName(cudaMalloc(&more, 16)));
  return 0;
}

}  // namespace

CASE(assert_bad) {
  Ints a(16);
  check_value<<<1, 16>>>(a.data);
  return after_fault();
}
CASE(trap_bad) {
  Ints a(16);
  give_up<<<1, 16>>>(a.data);
  return after_fault();
}
CASE(stack_bad) {
  Ints a(16);
  recurse<<<1, 1>>>(100000, a.data);
  return after_fault();
}
CASE(stack_good) {
  Ints a(16);
  recurse<<<1, 1>>>(20, a.data);
  return finish();
}
