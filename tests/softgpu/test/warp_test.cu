// Warp-wide instructions and barriers.
#include "test/support/device_run.h"

namespace {

constexpr unsigned kAll = 0xffffffffu;

__global__ void shuffles(int* out, int width, int by) {
  const int lane = threadIdx.x, v = lane * 10;
  out[lane] = __shfl_sync(kAll, v, by, width);
  out[32 + lane] = __shfl_up_sync(kAll, v, by, width);
  out[64 + lane] = __shfl_down_sync(kAll, v, by, width);
  out[96 + lane] = __shfl_xor_sync(kAll, v, by, width);
}
TEST(Warp, Shuffles) {
  Device<int> out(128);
  for (const int width : {32, 16, 8, 2}) {
    for (const int by : {0, 1, 5, 17}) {
      shuffles<<<1, 32>>>(out.get(), width, by);
      const auto r = out.values();
      for (int lane = 0; lane < 32; ++lane) {
        const int first = lane / width * width, last = first + width - 1;
        const auto within = [&](int source) {
          return source >= first && source <= last ? source : lane;
        };
        EXPECT_EQ(r[lane], 10 * (first + by % width));
        EXPECT_EQ(r[32 + lane], 10 * within(lane - by));
        EXPECT_EQ(r[64 + lane], 10 * within(lane + by));
        // bfly only asks that the source is not above the segment.
        EXPECT_EQ(r[96 + lane], 10 * ((lane ^ by) <= last ? lane ^ by : lane));
      }
    }
  }
}

__global__ void votes(unsigned* out, unsigned set, int* values) {
  const unsigned lane = threadIdx.x;
  const bool mine = (set >> lane & 1) != 0;
  out[lane] = __ballot_sync(kAll, mine);
  out[32 + lane] = (__all_sync(kAll, mine) ? 1 : 0) | (__any_sync(kAll, mine) ? 2 : 0) |
                   (__uni_sync(kAll, mine) ? 4 : 0);
  out[64 + lane] = __match_any_sync(kAll, values[lane]);
  int all = 0;
  out[96 + lane] =
      __match_all_sync(kAll, values[0] + (set == 0 ? 0 : static_cast<int>(lane)), &all);
  out[128 + lane] = all;
  out[160 + lane] = __reduce_add_sync(kAll, lane);
  out[192 + lane] = static_cast<unsigned>(__reduce_min_sync(kAll, static_cast<int>(lane) - 5));
  out[224 + lane] = __reduce_xor_sync(kAll, 1u << lane);
}
TEST(Warp, VotesMatchesReductions) {
  std::vector<int> values(32);
  for (int i = 0; i < 32; ++i) values[i] = i % 3;
  Device<int> v(values);
  Device<unsigned> out(256);
  for (const unsigned set : {0u, kAll, 0x00f000ffu}) {
    votes<<<1, 32>>>(out.get(), set, v.get());
    const auto r = out.values();
    for (unsigned lane = 0; lane < 32; ++lane) {
      EXPECT_EQ(r[lane], set);
      EXPECT_EQ(r[32 + lane], (set == kAll ? 1u : 0u) | (set != 0 ? 2u : 0u) |
                                  (set == 0 || set == kAll ? 4u : 0u));
      unsigned same = 0;
      for (unsigned k = 0; k < 32; ++k) same |= (k % 3 == lane % 3 ? 1u : 0u) << k;
      EXPECT_EQ(r[64 + lane], same);
      EXPECT_EQ(r[96 + lane], set == 0 ? kAll : 0u);
      EXPECT_EQ(r[128 + lane], set == 0 ? 1u : 0u);
      EXPECT_EQ(r[160 + lane], 31u * 32 / 2);
      EXPECT_EQ(static_cast<int>(r[192 + lane]), -5);
      EXPECT_EQ(r[224 + lane], kAll);
    }
  }
}

// Two halves of a warp work apart, each with its own mask; a partial last warp.
__global__ void divergent(int* out) {
  int v = threadIdx.x;
  if (threadIdx.x % 2 == 0) {
    for (int k = 2; k < 32; k *= 2) v += __shfl_xor_sync(0x55555555u, v, k);
  } else {
    v = __shfl_sync(0xaaaaaaaau, v, 31);
  }
  out[threadIdx.x] = v;
}
__global__ void partial(int* out) {
  int v = 1;
  for (int k = 16; k > 0; k /= 2) {
    const int other = __shfl_down_sync(kAll, v, k);
    if (threadIdx.x % 32 + k < 8) v += other;
  }
  out[threadIdx.x] = v;
}
__global__ void active(unsigned* out) {
  if (threadIdx.x % 3 == 0)
    out[threadIdx.x] = __activemask();
  else if (threadIdx.x < 20)
    out[threadIdx.x] = __activemask();
}
TEST(Warp, DivergenceAndPartialWarps) {
  Device<int> out(32);
  divergent<<<1, 32>>>(out.get());
  for (int i = 0; i < 32; ++i) EXPECT_EQ(out.values()[i], i % 2 == 0 ? 240 : 31);
  Device<int> few(40);
  partial<<<1, 40>>>(few.get());
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  EXPECT_EQ(few.values()[32], 8);
  Device<unsigned> masks(32);
  active<<<1, 32>>>(masks.get());
  unsigned third = 0, others = 0;
  for (unsigned i = 0; i < 32; ++i) {
    if (i % 3 == 0)
      third |= 1u << i;
    else if (i < 20)
      others |= 1u << i;
  }
  for (unsigned i = 0; i < 32; ++i)
    EXPECT_EQ(masks.values()[i], i % 3 == 0 ? third : i < 20 ? others : 0u);
}

__global__ void block_votes(int* out, int n) {
  const bool mine = static_cast<int>(threadIdx.x) < n;
  out[threadIdx.x] = __syncthreads_count(mine);
  out[threadIdx.x + 100] = __syncthreads_and(mine) + 2 * __syncthreads_or(mine);
}
TEST(Warp, BarriersThatReduce) {
  Device<int> out(200);
  for (const int n : {0, 37, 100}) {
    block_votes<<<1, 100>>>(out.get(), n);
    const auto r = out.values();
    for (int i = 0; i < 100; ++i) {
      EXPECT_EQ(r[i], n);
      EXPECT_EQ(r[100 + i] & 1, n == 100);
      EXPECT_EQ(r[100 + i] >> 1 & 1, n > 0);
    }
  }
}

// A ping-pong through two named barriers.
__global__ void ping_pong(int* out) {
  __shared__ int s[32];
  const int lane = threadIdx.x % 32;
  for (int round = 0; round < 5; ++round) {
    if (threadIdx.x < 32) {
      s[lane] = round * 100 + lane;
      asm volatile("bar.arrive 1, 64;" ::: "memory");
      asm volatile("bar.sync 2, 64;" ::: "memory");
    } else {
      asm volatile("bar.sync 1, 64;" ::: "memory");
      out[round * 32 + lane] = s[31 - lane];
      asm volatile("bar.arrive 2, 64;" ::: "memory");
    }
  }
}
TEST(Warp, NamedBarriers) {
  Device<int> out(160);
  ping_pong<<<1, 64>>>(out.get());
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  for (int i = 0; i < 160; ++i) EXPECT_EQ(out.values()[i], i / 32 * 100 + 31 - i % 32);
}

// Blocks that wait for one another, as a grid-wide barrier or a look-back scan does: all must be
// resident at once.
__global__ void grid_barrier(volatile int* arrived, int* out) {
  __shared__ int s;
  if (threadIdx.x == 0) {
    out[blockIdx.x] = blockIdx.x;
    __threadfence();
    atomicAdd(const_cast<int*>(arrived), 1);
    while (*arrived < static_cast<int>(gridDim.x)) {
    }
    __threadfence();
    s = 0;
    for (unsigned b = 0; b < gridDim.x; ++b) s += reinterpret_cast<volatile int*>(out)[b];
  }
  __syncthreads();
  if (threadIdx.x == 33) out[gridDim.x + blockIdx.x] = s;
}
TEST(Warp, BlocksWaitForOneAnother) {
  Device<int> arrived(1), out(40);
  grid_barrier<<<20, 64>>>(arrived.get(), out.get());
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  for (int b = 0; b < 20; ++b) EXPECT_EQ(out.values()[20 + b], 190);
}

}  // namespace
