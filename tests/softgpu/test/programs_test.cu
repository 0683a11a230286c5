// Ordinary device code, as nvcc compiles it: mathematical functions, cooperative groups, halves,
// CUB algorithms. It meets the opcodes in the mixtures that real kernels have.
#include <cooperative_groups.h>
#include <cooperative_groups/reduce.h>
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cub/cub.cuh>

#include "test/support/device_run.h"

namespace {

namespace cg = cooperative_groups;

constexpr int kFunctions = 16;
#define FUNCTIONS(SPACE, NAME)                                                                  \
  template <class T>                                                                            \
  SPACE void NAME(T x, T* r) {                                                                  \
    r[0] = exp(x), r[1] = log(x), r[2] = sin(x * T(1000)), r[3] = cos(x), r[4] = tan(x);        \
    r[5] = tanh(x), r[6] = erf(x), r[7] = pow(x, T(2.5)), r[8] = lgamma(x), r[9] = cbrt(x);     \
    r[10] = atan2(x, T(0.5)), r[11] = expm1(x), r[12] = log1p(x), r[13] = fmod(x * T(7), T(3)); \
    r[14] = rint(x * T(10)), r[15] = hypot(x, T(3));                                            \
  }
FUNCTIONS(__device__, device_functions)
FUNCTIONS(__host__, host_functions)
template <class T>
__global__ void evaluate(const T* x, T* r) {
  device_functions(x[threadIdx.x], r + kFunctions * threadIdx.x);
}
template <class T>
void check_functions(double allowed) {
  std::vector<T> x;
  for (int i = 1; i <= 64; ++i) x.push_back(static_cast<T>(0.11 * i));
  Device<T> in(x), out(64 * kFunctions);
  evaluate<<<1, 64>>>(in.get(), out.get());
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  const auto r = out.values();
  for (int i = 0; i < 64; ++i) {
    long double e[kFunctions];
    const long double v = x[i];
    host_functions<long double>(v, e);
    // Arguments that the function saw rounded.
    e[2] = std::sin(static_cast<long double>(x[i] * T(1000)));
    e[13] = std::fmod(static_cast<long double>(x[i] * T(7)), 3.0L);
    e[14] = std::rint(static_cast<long double>(x[i] * T(10)));
    for (int k = 0; k < kFunctions; ++k) {
      EXPECT_NEAR(r[i * kFunctions + k], static_cast<double>(e[k]),
                  allowed * std::max(1.0L, std::abs(e[k])))
          << "function " << k << " of " << x[i];
    }
  }
}
TEST(Programs, FloatFunctions) {
  check_functions<float>(8 * 0x1p-23);
}
TEST(Programs, DoubleFunctions) {
  check_functions<double>(8 * 0x1p-52);
}

__global__ void groups(const int* in, int* out) {
  const cg::thread_block block = cg::this_thread_block();
  const auto tile = cg::tiled_partition<8>(block);
  const int v = in[block.thread_rank()];
  out[block.thread_rank()] = cg::reduce(tile, v, cg::plus<int>());
  block.sync();
  if (v % 2 == 0) {
    const cg::coalesced_group even = cg::coalesced_threads();
    out[64 + block.thread_rank()] = even.size() * 100 + even.shfl(v, 0);
  }
}
TEST(Programs, CooperativeGroups) {
  std::vector<int> v(64);
  for (int i = 0; i < 64; ++i) v[i] = (i * 13) % 32;
  Device<int> in(v), out(128);
  groups<<<1, 64>>>(in.get(), out.get());
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  const auto r = out.values();
  for (int i = 0; i < 64; ++i) {
    int sum = 0;
    for (int k = 0; k < 8; ++k) sum += v[i / 8 * 8 + k];
    EXPECT_EQ(r[i], sum);
    EXPECT_EQ(r[64 + i], v[i] % 2 == 0 ? 1600 + v[i / 32 * 32] : 0);
  }
}

__global__ void halves(const float* in, float* out) {
  const float x = in[threadIdx.x];
  const __half h = __float2half(x);
  const __nv_bfloat16 b = __float2bfloat16(x);
  const __half2 h2 = __floats2half2_rn(x, 2 * x);
  const __nv_bfloat162 b2 = __floats2bfloat162_rn(x, -x);
  out[8 * threadIdx.x] = __half2float(__hadd(h, h));
  out[8 * threadIdx.x + 1] = __bfloat162float(__hmul(b, b));
  out[8 * threadIdx.x + 2] = __high2float(__hmul2(h2, h2));
  out[8 * threadIdx.x + 3] = __low2float(__hadd2(b2, b2));
  out[8 * threadIdx.x + 4] = __half2float(hexp(h));
  out[8 * threadIdx.x + 5] = __bfloat162float(__hmax(b, __float2bfloat16(0.0f)));
  out[8 * threadIdx.x + 6] = __hlt(h, __float2half(0.0f)) ? 1.0f : 0.0f;
  out[8 * threadIdx.x + 7] = static_cast<float>(__half2int_rn(h));
}
TEST(Programs, Halves) {
  const std::vector<float> x = {0.5f, -1.25f, 3.0f, -0.75f};  // exact in both formats
  Device<float> in(x), out(32);
  halves<<<1, 4>>>(in.get(), out.get());
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  const auto r = out.values();
  for (int i = 0; i < 4; ++i) {
    const float expected[] = {
        2 * x[i],       x[i] * x[i],          4 * x[i] * x[i],        2 * x[i],
        std::exp(x[i]), std::max(x[i], 0.0f), x[i] < 0 ? 1.0f : 0.0f, std::nearbyint(x[i])};
    for (int k = 0; k < 8; ++k) EXPECT_NEAR(r[8 * i + k], expected[k], k == 4 ? 0.01 : 0.0) << k;
  }
}

TEST(Programs, CubSortAndSelect) {
  const int n = 5000;
  std::vector<int> v(n);
  for (int i = 0; i < n; ++i) v[i] = static_cast<int>((i * 2654435761u) >> 8) - (1 << 23);
  Device<int> in(v), out(n), count(1);
  size_t bytes = 0;
  ASSERT_EQ(cub::DeviceRadixSort::SortKeys(nullptr, bytes, in.get(), out.get(), n), cudaSuccess);
  Device<char> storage(bytes);
  ASSERT_EQ(cub::DeviceRadixSort::SortKeys(storage.get(), bytes, in.get(), out.get(), n),
            cudaSuccess);
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  auto sorted = v;
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(out.values(), sorted);
}

}  // namespace
