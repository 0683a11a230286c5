// Bugs for racecheck.
#include "test/planted/planted.h"

namespace {

template <bool kRepaired>
__global__ void reverse_shared(int* out) {
  __shared__ int s[64];
  s[threadIdx.x] = threadIdx.x;
  if (kRepaired) __syncthreads();
  out[threadIdx.x] = s[63 - threadIdx.x];
}

template <bool kRepaired>
__global__ void shift_global(int* a) {
  const int next = a[(threadIdx.x + 1) % 64];
  if (kRepaired) __syncthreads();
  a[threadIdx.x] = next;
}

template <bool kRepaired>
__global__ void count(int* sum) {
  if (kRepaired)
    atomicAdd(sum, 1);
  else
    *sum = *sum + 1;
}

// Neighbouring bytes of one word are no race; the same byte is.
template <bool kRepaired>
__global__ void bytes(unsigned char* out) {
  __shared__ unsigned char s[64];
  s[kRepaired ? threadIdx.x : threadIdx.x / 2] = static_cast<unsigned char>(threadIdx.x);
  __syncthreads();
  out[threadIdx.x] = s[threadIdx.x / 2];
}

// A warp that relies on running in step.
template <bool kRepaired>
__global__ void warp_step(int* out) {
  __shared__ int s[32];
  s[threadIdx.x] = threadIdx.x;
  if (kRepaired) __syncwarp();
  out[threadIdx.x] = s[threadIdx.x ^ 1];
}

// The tile is overwritten while slower threads still read it: the barrier at the end of the loop.
template <bool kRepaired>
__global__ void tiles(const int* in, int* out) {
  __shared__ int tile[64];
  int sum = 0;
  for (int k = 0; k < 3; ++k) {
    tile[threadIdx.x] = in[threadIdx.x] + k;
    __syncthreads();
    sum += tile[63 - threadIdx.x];
    if (kRepaired) __syncthreads();
  }
  out[threadIdx.x] = sum;
}

// Warp 0 hands data to warp 1 by a named barrier: it arrives, the other waits.
template <bool kRepaired>
__global__ void producer(int* out) {
  __shared__ int s[32];
  if (threadIdx.x < 32) {
    s[threadIdx.x] = threadIdx.x;
    __threadfence_block();
    asm volatile("bar.arrive 1, 64;" ::: "memory");
    if (!kRepaired) s[threadIdx.x] = 7;  // after it said that the data was ready
  } else {
    asm volatile("bar.sync 1, 64;" ::: "memory");
    out[threadIdx.x - 32] = s[63 - threadIdx.x];
  }
}

}  // namespace

#define TWINS(name, launch)      \
  template <bool kRepaired>      \
  static int both_##name() {     \
    Ints a(64), b(64);           \
    launch;                      \
    return finish();             \
  }                              \
  CASE(name##_bad) {             \
    return both_##name<false>(); \
  }                              \
  CASE(name##_good) {            \
    return both_##name<true>();  \
  }

TWINS(shared_race, (reverse_shared<kRepaired><<<1, 64>>>(a.data)))
TWINS(global_race, (shift_global<kRepaired><<<1, 64>>>(a.data)))
TWINS(counter_race, (count<kRepaired><<<1, 64>>>(a.data)))
TWINS(byte_race, (bytes<kRepaired><<<1, 64>>>(reinterpret_cast<unsigned char*>(a.data))))
TWINS(warp_race, (warp_step<kRepaired><<<1, 32>>>(a.data)))
TWINS(tile_race, (tiles<kRepaired><<<1, 64>>>(b.data, a.data)))
TWINS(named_barrier_race, (producer<kRepaired><<<1, 64>>>(a.data)))
