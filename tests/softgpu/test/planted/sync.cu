// Bugs for synccheck, and hangs.
#include "test/planted/planted.h"

namespace {

template <bool kRepaired>
__global__ void early_exit(int* a, int n) {
  const bool inside = static_cast<int>(threadIdx.x) < n;
  if (!kRepaired && !inside) return;
  const int next = inside ? a[(threadIdx.x + 1) % n] : 0;
  __syncthreads();
  if (inside) a[threadIdx.x] += next;
}

// Half of the block waits at one barrier, half at another.
template <bool kRepaired>
__global__ void two_barriers(int* a) {
  if (kRepaired || threadIdx.x < 32) {
    asm volatile("bar.sync 1, 64;" ::: "memory");
  } else {
    asm volatile("bar.sync 2, 64;" ::: "memory");
  }
  a[threadIdx.x] = 1;
}

// The mask names all lanes, but the odd ones go to the barrier of the block.
template <bool kRepaired>
__global__ void missing_lanes(int* a) {
  if (kRepaired || threadIdx.x % 2 == 0) __syncwarp();
  __syncthreads();
  a[threadIdx.x] = 1;
}

template <bool kRepaired>
__global__ void foreign_mask(int* a) {
  if (threadIdx.x < 16)
    a[threadIdx.x] = __shfl_sync(kRepaired ? 0x0000ffffu : 0xffff0000u, a[threadIdx.x], 0);
}

template <bool kRepaired>
__global__ void exited_lanes(int* a) {
  if (threadIdx.x >= 16) return;
  a[threadIdx.x] = __shfl_sync(kRepaired ? 0x0000ffffu : 0xffffffffu, a[threadIdx.x], 3);
}

// A flag that nobody sets, or that the last thread sets.
template <bool kRepaired>
__global__ void spin(volatile int* flag) {
  if (threadIdx.x == 33) {
    if (kRepaired) flag[0] = -1;
  } else {
    while (flag[0] != -1) {
    }
  }
}

// The two halves of a warp meet at different __syncthreads.
template <bool kRepaired>
__global__ void split_warp(int* a) {
  if (kRepaired) {
    __syncthreads();
  } else if (threadIdx.x % 2 == 0) {
    asm volatile("bar.sync 0;" ::: "memory");
  } else {
    a[threadIdx.x] = 2;
    asm volatile("bar.sync 0;" ::: "memory");
  }
}

}  // namespace

#define TWINS(name, launch)      \
  template <bool kRepaired>      \
  static int both_##name() {     \
    Ints a(64);                  \
    launch;                      \
    return finish();             \
  }                              \
  CASE(name##_bad) {             \
    return both_##name<false>(); \
  }                              \
  CASE(name##_good) {            \
    return both_##name<true>();  \
  }

TWINS(early_exit, (early_exit<kRepaired><<<1, 64>>>(a.data, 50)))
TWINS(two_barriers, (two_barriers<kRepaired><<<1, 64>>>(a.data)))
TWINS(missing_lanes, (missing_lanes<kRepaired><<<1, 32>>>(a.data)))
TWINS(foreign_mask, (foreign_mask<kRepaired><<<1, 32>>>(a.data)))
TWINS(exited_lanes, (exited_lanes<kRepaired><<<1, 32>>>(a.data)))
TWINS(spin, (spin<kRepaired><<<1, 64>>>(a.data)))
TWINS(split_warp, (split_warp<kRepaired><<<1, 64>>>(a.data)))
