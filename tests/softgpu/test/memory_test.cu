// Address spaces, vectors, atomics, asynchronous copies, calls.
#include <cuda_pipeline.h>

#include "test/support/device_run.h"

namespace {

// ---- Vectors and widths
__global__ void vectors(const float4* in, float4* out, const uchar4* bytes, int* sums,
                        const double2* d, double2* e) {
  const int i = threadIdx.x;
  const float4 v = in[i];
  out[i] = make_float4(v.w, v.z, v.y, v.x);
  const uchar4 b = bytes[i];
  sums[i] = b.x + b.y + b.z + static_cast<signed char>(b.w);
  const double2 p = d[i];
  e[i] = make_double2(p.y, p.x);
}
TEST(Memory, VectorsAndNarrowTypes) {
  std::vector<float4> in(5);
  std::vector<uchar4> bytes(5);
  std::vector<double2> pairs(5);
  for (int i = 0; i < 5; ++i) {
    in[i] = make_float4(i, i + 0.25f, i + 0.5f, i + 0.75f);
    bytes[i] = make_uchar4(i, 250, 7, 255);
    pairs[i] = make_double2(i, -i);
  }
  Device<float4> a(in), b(5);
  Device<uchar4> c(bytes);
  Device<int> sums(5);
  Device<double2> d(pairs), e(5);
  vectors<<<1, 5>>>(a.get(), b.get(), c.get(), sums.get(), d.get(), e.get());
  const auto r = b.values();
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(r[i].x, in[i].w);
    EXPECT_EQ(r[i].w, in[i].x);
    EXPECT_EQ(sums.values()[i], i + 250 + 7 - 1);
    EXPECT_EQ(e.values()[i].y, i);
  }
}

// ---- One pointer, any space
__constant__ int constants[4] = {100, 200, 300, 400};
__device__ __noinline__ int read(const int* p) {
  return *p;
}
__device__ __noinline__ void write(int* p, int v) {
  *p = v;
}
__global__ void spaces(const int* global, int* out, int which) {
  __shared__ int shared[32];
  int local[8];
  for (int k = 0; k < 8; ++k) local[k] = k * k + which;
  shared[threadIdx.x] = 10 * threadIdx.x;
  __syncthreads();
  write(&shared[(threadIdx.x + 1) % 32], threadIdx.x);
  write(&local[threadIdx.x % 8], -1);
  __syncthreads();
  out[4 * threadIdx.x] = read(&global[threadIdx.x]);
  out[4 * threadIdx.x + 1] = read(&shared[threadIdx.x]);
  out[4 * threadIdx.x + 2] = read(&local[(threadIdx.x + which) % 8]);
  out[4 * threadIdx.x + 3] = read(&constants[threadIdx.x % 4]) + (__isShared(&shared[0]) ? 1 : 0) +
                             (__isGlobal(global) ? 2 : 0) + (__isLocal(local) ? 4 : 0);
}
TEST(Memory, GenericPointersReachEverySpace) {
  std::vector<int> in(32);
  for (int i = 0; i < 32; ++i) in[i] = 7 * i;
  Device<int> global(in), out(128);
  spaces<<<1, 32>>>(global.get(), out.get(), 3);
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  const auto r = out.values();
  for (int i = 0; i < 32; ++i) {
    EXPECT_EQ(r[4 * i], 7 * i);
    EXPECT_EQ(r[4 * i + 1], (i + 31) % 32);
    const int k = (i + 3) % 8;
    EXPECT_EQ(r[4 * i + 2], k * k + 3);
    EXPECT_EQ(r[4 * i + 3], 100 * (i % 4 + 1) + 7);
  }
}

// ---- Atomics
__global__ void atomics(int* i, unsigned* u, float* f, double* d, unsigned long long* l,
                        int* order) {
  __shared__ int shared_count;
  __shared__ float shared_sum;
  if (threadIdx.x == 0) shared_count = 0, shared_sum = 0;
  __syncthreads();
  const int t = blockIdx.x * blockDim.x + threadIdx.x;
  atomicAdd(i, t);
  atomicMax(i + 1, t * 3);
  atomicMin(i + 2, -t);
  atomicXor(i + 3, 1 << (t % 31));
  atomicAnd(i + 4, ~(1 << (t % 5)));
  atomicOr(i + 5, 1 << (t % 7));
  atomicInc(u, 9);
  atomicDec(u + 1, 9);
  atomicSub(u + 2, 2u);
  atomicAdd(f, 0.5f);
  atomicAdd(d, 0.25);
  atomicAdd(l, 1ull << 33);
  atomicAdd(&shared_count, 1);
  atomicAdd(&shared_sum, 1.0f);
  order[t] = atomicExch(i + 6, t);
  int seen = *reinterpret_cast<volatile int*>(i + 7);
  for (int expected;
       (expected = seen, seen = atomicCAS(i + 7, expected, expected + 2)) != expected;) {
  }
  __syncthreads();
  if (threadIdx.x == 0) atomicAdd(i + 8, shared_count + static_cast<int>(shared_sum));
}
TEST(Memory, Atomics) {
  Device<int> i(std::vector<int>{0, 0, 0, 0, -1, 0, -1, 0, 0}), order(64);
  Device<unsigned> u(std::vector<unsigned>{0, 0, 1000});
  Device<float> f(1);
  Device<double> d(1);
  Device<unsigned long long> l(1);
  atomics<<<2, 32>>>(i.get(), u.get(), f.get(), d.get(), l.get(), order.get());
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  const auto r = i.values();
  EXPECT_EQ(r[0], 63 * 64 / 2);
  EXPECT_EQ(r[1], 189);
  EXPECT_EQ(r[2], -63);
  int bits = 0;
  for (int t = 0; t < 64; ++t) bits ^= 1 << (t % 31);
  EXPECT_EQ(r[3], bits);
  EXPECT_EQ(r[4], ~31);
  EXPECT_EQ(r[5], 127);
  EXPECT_EQ(r[7], 128);
  EXPECT_EQ(r[8], 128);
  EXPECT_EQ(u.values()[0], 64u % 10);
  EXPECT_EQ(u.values()[1], (10 - 64 % 10) % 10u);
  EXPECT_EQ(u.values()[2], 1000 - 128u);
  EXPECT_EQ(f.values()[0], 32.0f);
  EXPECT_EQ(d.values()[0], 16.0);
  EXPECT_EQ(l.values()[0], 64ull << 33);
  // Each exchange got what the one before left: all values but the last, and the first.
  auto o = order.values();
  o.push_back(r[6]);
  std::sort(o.begin(), o.end());
  for (int t = 0; t < 65; ++t) EXPECT_EQ(o[t], t - 1);
}

// ---- cp.async: not there before the wait, there after it; groups in order.
__global__ void copies(const int* in, int* early, int* between, int* late) {
  __shared__ int s[64];
  s[threadIdx.x] = -1, s[threadIdx.x + 32] = -1;
  __pipeline_memcpy_async(&s[threadIdx.x], &in[threadIdx.x], 4);
  __pipeline_commit();
  __pipeline_memcpy_async(&s[threadIdx.x + 32], &in[threadIdx.x + 32], 4);
  __pipeline_commit();
  early[threadIdx.x] = s[threadIdx.x];
  __pipeline_wait_prior(1);
  between[threadIdx.x] = s[threadIdx.x] * 1000 + s[threadIdx.x + 32];
  __pipeline_wait_prior(0);
  __syncthreads();
  late[threadIdx.x] = s[63 - threadIdx.x];
}
__global__ void wide_copies(const int4* in, int* out) {
  __shared__ int4 s[8];
  __pipeline_memcpy_async(&s[threadIdx.x], &in[threadIdx.x], 16,
                          threadIdx.x == 3 ? 8 : 0);  // the rest is zeros
  __pipeline_commit();
  __pipeline_wait_prior(0);
  __syncthreads();
  const int4 v = s[7 - threadIdx.x];
  out[4 * threadIdx.x] = v.x, out[4 * threadIdx.x + 1] = v.y, out[4 * threadIdx.x + 2] = v.z,
          out[4 * threadIdx.x + 3] = v.w;
}
TEST(Memory, AsynchronousCopiesLandAtTheWait) {
  std::vector<int> in(64);
  for (int i = 0; i < 64; ++i) in[i] = i;
  Device<int> a(in), early(32), between(32), late(32);
  copies<<<1, 32>>>(a.get(), early.get(), between.get(), late.get());
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  for (int i = 0; i < 32; ++i) {
    EXPECT_EQ(early.values()[i], -1);
    EXPECT_EQ(between.values()[i], i * 1000 - 1);
    EXPECT_EQ(late.values()[i], 63 - i);
  }
  Device<int> out(32);
  wide_copies<<<1, 8>>>(reinterpret_cast<const int4*>(a.get()), out.get());
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  const auto r = out.values();
  for (int i = 0; i < 32; ++i) {
    const int from = 4 * (7 - i / 4) + i % 4;
    EXPECT_EQ(r[i], from / 4 == 3 && from % 4 >= 2 ? 0 : from) << i;
  }
}

// ---- Calls: recursion, pointers to functions, virtual functions, tables of branches.
__device__ __noinline__ int fibonacci(int n) {
  return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}
__device__ __noinline__ int twice(int x) {
  return 2 * x;
}
__device__ __noinline__ int square(int x) {
  return x * x;
}
struct Shape {
  __device__ virtual int area(int x) const { return x; }
};
struct Square : Shape {
  __device__ int area(int x) const override { return x * x; }
};
struct Big {
  int v[20];
};
__device__ __noinline__ Big make_big(int x) {
  Big b;
  for (int k = 0; k < 20; ++k) b.v[k] = k * x;
  return b;
}
__device__ __noinline__ int branch_table(int x) {
  switch (x) {
    case 0:
      return 17;
    case 1:
      return x * 40 + 3;
    case 2:
      return fibonacci(x + 5);
    case 3:
      return 29;
    case 4:
      return x ^ 1234;
    case 5:
      return __popc(x * 77);
    case 6:
      return x / 2 + 1000;
    default:
      return -1;
  }
}
__global__ void calls(int* out, int n) {
  int (*f)(int) = threadIdx.x % 2 == 0 ? twice : square;
  const Big b = make_big(threadIdx.x);
  out[4 * threadIdx.x] = fibonacci(threadIdx.x);
  out[4 * threadIdx.x + 1] = f(n);
  out[4 * threadIdx.x + 2] = b.v[n];
  out[4 * threadIdx.x + 3] = branch_table(threadIdx.x);
}
TEST(Memory, Calls) {
  Device<int> out(40);
  calls<<<1, 10>>>(out.get(), 7);
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  const int fib[] = {0, 1, 1, 2, 3, 5, 8, 13, 21, 34};
  const int table[] = {17, 43, 13, 29, 4 ^ 1234, __builtin_popcount(5 * 77), 1003, -1, -1, -1};
  const auto r = out.values();
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(r[4 * i], fib[i]);
    EXPECT_EQ(r[4 * i + 1], i % 2 == 0 ? 14 : 49);
    EXPECT_EQ(r[4 * i + 2], 7 * i);
    EXPECT_EQ(r[4 * i + 3], table[i]);
  }
}

__global__ void say(float x) {
  printf("thread %d of %s: %5.2f %c %lld %x %%\n", static_cast<int>(threadIdx.x), "text", x, 'c',
         1ll << 40, 255u);
}
TEST(Memory, Print) {
  testing::internal::CaptureStdout();
  say<<<1, 2>>>(1.5f);
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  EXPECT_EQ(testing::internal::GetCapturedStdout(),
            "thread 0 of text:  1.50 c 1099511627776 ff %\nthread 1 of text:  1.50 c 1099511627776 "
            "ff %\n");
}

}  // namespace
