// What comes out of CUB and the random number headers: PTX like everything else.
#include <curand_kernel.h>
#include <cub/cub.cuh>
#include <cuda/functional>

#include <numeric>

#include "test/support/device_run.h"

namespace {

__global__ void block_primitives(const int* in, int* sums, int* scans, int* sorted, float* maxima) {
  using Reduce = cub::BlockReduce<int, 128>;
  using Scan = cub::BlockScan<int, 128>;
  using Sort = cub::BlockRadixSort<int, 128, 1>;
  using WarpMax = cub::WarpReduce<float>;
  __shared__ union {
    Reduce::TempStorage reduce;
    Scan::TempStorage scan;
    Sort::TempStorage sort;
    WarpMax::TempStorage warp[4];
  } s;
  const int i = blockIdx.x * 128 + threadIdx.x, v = in[i];
  const int sum = Reduce(s.reduce).Sum(v);
  if (threadIdx.x == 0) sums[blockIdx.x] = sum;
  __syncthreads();
  int scan;
  Scan(s.scan).InclusiveSum(v, scan);
  scans[i] = scan;
  __syncthreads();
  int key[1] = {v};
  Sort(s.sort).Sort(key);
  sorted[i] = key[0];
  __syncthreads();
  const float most =
      WarpMax(s.warp[threadIdx.x / 32]).Reduce(static_cast<float>(v), cuda::maximum<>{});
  if (threadIdx.x % 32 == 0) maxima[i / 32] = most;
}

std::vector<int> numbers(int n) {
  std::vector<int> v(n);
  for (int i = 0; i < n; ++i) v[i] = (i * 7919) % 1009 - 500;
  return v;
}

TEST(Library, CubBlock) {
  const auto v = numbers(384);
  Device<int> in(v), sums(3), scans(384), sorted(384);
  Device<float> maxima(12);
  block_primitives<<<3, 128>>>(in.get(), sums.get(), scans.get(), sorted.get(), maxima.get());
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  for (int b = 0; b < 3; ++b) {
    std::vector<int> block(v.begin() + 128 * b, v.begin() + 128 * (b + 1));
    EXPECT_EQ(sums.values()[b], std::accumulate(block.begin(), block.end(), 0));
    std::vector<int> partial(128);
    std::partial_sum(block.begin(), block.end(), partial.begin());
    for (int i = 0; i < 128; ++i) EXPECT_EQ(scans.values()[128 * b + i], partial[i]);
    for (int w = 0; w < 4; ++w)
      EXPECT_EQ(maxima.values()[4 * b + w],
                *std::max_element(block.begin() + 32 * w, block.begin() + 32 * (w + 1)));
    std::sort(block.begin(), block.end());
    for (int i = 0; i < 128; ++i) EXPECT_EQ(sorted.values()[128 * b + i], block[i]);
  }
}

template <class F>
void with_storage(F f) {
  size_t bytes = 0;
  ASSERT_EQ(f(nullptr, bytes), cudaSuccess);
  Device<char> storage(std::max<size_t>(bytes, 1));
  ASSERT_EQ(f(storage.get(), bytes), cudaSuccess);
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
}

TEST(Library, CubDevice) {
  for (const int n : {1, 1000, 100003}) {
    const auto v = numbers(n);
    Device<int> in(v), sum(1), scan(n);
    with_storage([&](void* s, size_t& bytes) {
      return cub::DeviceReduce::Sum(s, bytes, in.get(), sum.get(), n);
    });
    EXPECT_EQ(sum.values()[0], std::accumulate(v.begin(), v.end(), 0));
    with_storage([&](void* s, size_t& bytes) {
      return cub::DeviceScan::InclusiveSum(s, bytes, in.get(), scan.get(), n);
    });
    std::vector<int> partial(n);
    std::partial_sum(v.begin(), v.end(), partial.begin());
    EXPECT_EQ(scan.values(), partial);
  }
}

TEST(Library, CubReduceOfFloats) {
  const int n = 50000;
  std::vector<float> v(n);
  double sum = 0;
  for (int i = 0; i < n; ++i) sum += v[i] = std::sin(static_cast<float>(i));
  Device<float> in(v), out(1);
  with_storage([&](void* s, size_t& bytes) {
    return cub::DeviceReduce::Sum(s, bytes, in.get(), out.get(), n);
  });
  EXPECT_NEAR(out.values()[0], sum, 1e-3);
  with_storage([&](void* s, size_t& bytes) {
    return cub::DeviceReduce::Max(s, bytes, in.get(), out.get(), n);
  });
  EXPECT_EQ(out.values()[0], *std::max_element(v.begin(), v.end()));
}

__global__ void philox(uint4* out, float4* normal, unsigned long long seed,
                       unsigned long long offset) {
  curandStatePhilox4_32_10_t state;
  curand_init(seed, threadIdx.x, offset, &state);
  out[threadIdx.x] = curand4(&state);
  normal[threadIdx.x] = curand_normal4(&state);
}
// Salmon, Moraes, Dror & Shaw 2011: Philox4x32-10.
uint4 philox_reference(uint64_t seed, uint64_t subsequence, uint64_t block) {
  uint32_t c[4] = {static_cast<uint32_t>(block), static_cast<uint32_t>(block >> 32),
                   static_cast<uint32_t>(subsequence), static_cast<uint32_t>(subsequence >> 32)};
  uint32_t k0 = static_cast<uint32_t>(seed), k1 = static_cast<uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = uint64_t{0xD2511F53u} * c[0], b = uint64_t{0xCD9E8D57u} * c[2];
    const uint32_t next[4] = {static_cast<uint32_t>(b >> 32) ^ c[1] ^ k0, static_cast<uint32_t>(b),
                              static_cast<uint32_t>(a >> 32) ^ c[3] ^ k1, static_cast<uint32_t>(a)};
    std::copy_n(next, 4, c);
    k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
  }
  return make_uint4(c[0], c[1], c[2], c[3]);
}
TEST(Library, Philox) {
  // The generator's own known answer.
  const uint4 known = philox_reference(0, 0, 0);
  ASSERT_EQ(known.x, 0x6627e8d5u);
  ASSERT_EQ(known.w, 0x9b00dbd8u);
  Device<uint4> out(64);
  Device<float4> normal(64);
  const uint64_t seed = 0x123456789abcdefull;
  philox<<<1, 64>>>(out.get(), normal.get(), seed, 8);
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  for (int i = 0; i < 64; ++i) {
    const uint4 e = philox_reference(seed, i, 2), r = out.values()[i];
    EXPECT_TRUE(r.x == e.x && r.y == e.y && r.z == e.z && r.w == e.w) << i;
    // Box-Muller of the next block.
    const uint4 u = philox_reference(seed, i, 3);
    const double x = u.x * 0x1p-32 + 0x1p-33, angle = (u.y * 0x1p-32 + 0x1p-33) * 2 * M_PI;
    const double size = std::sqrt(-2 * std::log(x));
    EXPECT_NEAR(normal.values()[i].x, size * std::sin(angle), 1e-4);
    EXPECT_NEAR(normal.values()[i].y, size * std::cos(angle), 1e-4);
  }
}

}  // namespace
