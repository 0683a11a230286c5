// The runtime API: order, errors, streams, capture and graphs behave as the real runtime's.
#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <cstring>
#include <numeric>
#include <vector>

namespace {

__global__ void add(int* a, int n, int value) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) a[i] += value;
}
__global__ void scale(int* a, int n, int value) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) a[i] *= value;
}
__global__ void with_shared(int* a) {
  extern __shared__ int s[];
  s[threadIdx.x] = a[threadIdx.x];
  __syncthreads();
  a[threadIdx.x] = s[blockDim.x - 1 - threadIdx.x];
}
__global__ void __launch_bounds__(64) bounded(int* a) {
  a[threadIdx.x] = 1;
}

struct Block {
  int values[5];
  double weight;
};
__global__ void by_value(Block b, char tag, int* out) {
  out[threadIdx.x] = b.values[threadIdx.x] + static_cast<int>(b.weight) + tag;
}

__constant__ int constant_table[4] = {1, 2, 3, 4};
__device__ int device_counter = 7;
__device__ const int* table_pointer = constant_table;
__global__ void use_symbols(int* out) {
  out[threadIdx.x] = constant_table[threadIdx.x] + device_counter + table_pointer[0];
}

class Runtime : public testing::Test {
 protected:
  static constexpr int kN = 100;
  void SetUp() override {
    ASSERT_EQ(cudaMalloc(&a_, kN * sizeof(int)), cudaSuccess);
    set();
  }
  void TearDown() override {
    EXPECT_EQ(cudaFree(a_), cudaSuccess);
    EXPECT_EQ(cudaGetLastError(), cudaSuccess);
  }
  void set() {
    std::vector<int> v(kN);
    std::iota(v.begin(), v.end(), 0);
    ASSERT_EQ(cudaMemcpy(a_, v.data(), kN * sizeof(int), cudaMemcpyHostToDevice), cudaSuccess);
  }
  std::vector<int> get() const {
    std::vector<int> v(kN);
    EXPECT_EQ(cudaMemcpy(v.data(), a_, kN * sizeof(int), cudaMemcpyDeviceToHost), cudaSuccess);
    return v;
  }
  int* a_ = nullptr;
};

TEST_F(Runtime, LaunchReachesEveryThread) {
  add<<<4, 32>>>(a_, kN, 5);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
  const std::vector<int> v = get();
  for (int i = 0; i < kN; ++i) EXPECT_EQ(v[i], i + 5);
}

TEST_F(Runtime, ParametersByValueKeepTheirLayout) {
  by_value<<<1, 5>>>(Block{{10, 20, 30, 40, 50}, 3.0}, 2, a_);
  const std::vector<int> v = get();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(v[i], 10 * (i + 1) + 5);
}

TEST_F(Runtime, BadConfigurationsAreRefusedAndForgotten) {
  const auto refused = [&](dim3 grid, dim3 block, size_t shared, cudaError_t e) {
    with_shared<<<grid, block, shared>>>(a_);
    EXPECT_EQ(cudaPeekAtLastError(), e);
    EXPECT_EQ(cudaGetLastError(), e);
    EXPECT_EQ(cudaGetLastError(), cudaSuccess);
  };
  refused(1, 1025, 0, cudaErrorInvalidConfiguration);
  refused(1, dim3(1, 1, 65), 0, cudaErrorInvalidConfiguration);
  refused(0, 32, 0, cudaErrorInvalidConfiguration);
  refused(dim3(1, 65536), 32, 0, cudaErrorInvalidConfiguration);
  refused(1, 32, 48 * 1024 + 4, cudaErrorInvalidValue);
  EXPECT_EQ(get()[3], 3);  // nothing ran
}

TEST_F(Runtime, LaunchBoundsAreKept) {
  bounded<<<1, 65>>>(a_);
  EXPECT_NE(cudaGetLastError(), cudaSuccess);
  bounded<<<1, 64>>>(a_);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
}

TEST_F(Runtime, MoreSharedMemoryOnRequest) {
  ASSERT_EQ(
      cudaFuncSetAttribute(with_shared, cudaFuncAttributeMaxDynamicSharedMemorySize, 100 * 1024),
      cudaSuccess);
  with_shared<<<1, 100, 100 * 1024>>>(a_);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
  EXPECT_EQ(get()[0], 99);
  EXPECT_EQ(
      cudaFuncSetAttribute(with_shared, cudaFuncAttributeMaxDynamicSharedMemorySize, 164 * 1024),
      cudaErrorInvalidValue);
  EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidValue);
  cudaFuncAttributes attributes;
  ASSERT_EQ(cudaFuncGetAttributes(&attributes, with_shared), cudaSuccess);
  EXPECT_EQ(attributes.maxDynamicSharedSizeBytes, 100 * 1024);
  EXPECT_EQ(attributes.sharedSizeBytes, 0u);
}

TEST_F(Runtime, SymbolsAreReadAndWritten) {
  use_symbols<<<1, 4>>>(a_);
  EXPECT_EQ(get()[3], 4 + 7 + 1);
  const int table[2] = {50, 60}, counter = 100;
  ASSERT_EQ(cudaMemcpyToSymbol(constant_table, table, sizeof table, 2 * sizeof(int)), cudaSuccess);
  ASSERT_EQ(cudaMemcpyToSymbol(device_counter, &counter, sizeof counter), cudaSuccess);
  use_symbols<<<1, 4>>>(a_);
  EXPECT_EQ(get()[2], 50 + 100 + 1);
  int back[4];
  ASSERT_EQ(cudaMemcpyFromSymbol(back, constant_table, sizeof back), cudaSuccess);
  EXPECT_EQ(back[3], 60);
  size_t bytes = 0;
  ASSERT_EQ(cudaGetSymbolSize(&bytes, constant_table), cudaSuccess);
  EXPECT_EQ(bytes, 16u);
  EXPECT_EQ(cudaMemcpyToSymbol(constant_table, table, sizeof table, 3 * sizeof(int)),
            cudaErrorInvalidValue);
  cudaGetLastError();
}

TEST_F(Runtime, CopiesAreChecked) {
  int host[4] = {};
  EXPECT_EQ(cudaMemcpy(host, a_ + kN - 2, sizeof host, cudaMemcpyDeviceToHost),
            cudaErrorInvalidValue);
  EXPECT_EQ(cudaMemcpy(host, a_, sizeof host, cudaMemcpyHostToDevice), cudaErrorInvalidValue);
  EXPECT_EQ(cudaMemset(a_ + kN, 0, 1), cudaErrorInvalidValue);
  EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidValue);
  EXPECT_EQ(cudaMemcpy(host, a_ + 7, sizeof host, cudaMemcpyDefault), cudaSuccess);
  EXPECT_EQ(host[1], 8);
  EXPECT_EQ(cudaMemcpy(a_, a_ + 50, 10 * sizeof(int), cudaMemcpyDeviceToDevice), cudaSuccess);
  EXPECT_EQ(get()[9], 59);
  EXPECT_EQ(cudaMemset(a_, 0x01, 4), cudaSuccess);
  EXPECT_EQ(get()[0], 0x01010101);
}

TEST_F(Runtime, TooMuchMemoryIsRefused) {
  size_t free = 0, total = 0;
  ASSERT_EQ(cudaMemGetInfo(&free, &total), cudaSuccess);
  void* p = nullptr;
  EXPECT_EQ(cudaMalloc(&p, free + 1), cudaErrorMemoryAllocation);
  EXPECT_EQ(p, nullptr);
  EXPECT_EQ(cudaGetLastError(), cudaErrorMemoryAllocation);
  ASSERT_EQ(cudaMalloc(&p, 1 << 20), cudaSuccess);
  size_t less = 0;
  ASSERT_EQ(cudaMemGetInfo(&less, &total), cudaSuccess);
  EXPECT_EQ(free - less, 1u << 20);
  EXPECT_EQ(cudaFree(p), cudaSuccess);
  EXPECT_EQ(cudaFree(p), cudaErrorInvalidValue);
  cudaGetLastError();
}

TEST_F(Runtime, StreamsAndEventsKeepOrder) {
  cudaStream_t one, two;
  cudaEvent_t start, stop;
  ASSERT_EQ(cudaStreamCreate(&one), cudaSuccess);
  ASSERT_EQ(cudaStreamCreateWithFlags(&two, cudaStreamNonBlocking), cudaSuccess);
  ASSERT_EQ(cudaEventCreate(&start), cudaSuccess);
  ASSERT_EQ(cudaEventCreate(&stop), cudaSuccess);
  ASSERT_EQ(cudaEventRecord(start, one), cudaSuccess);
  add<<<4, 32, 0, one>>>(a_, kN, 1);
  ASSERT_EQ(cudaEventRecord(stop, one), cudaSuccess);
  ASSERT_EQ(cudaStreamWaitEvent(two, stop), cudaSuccess);
  scale<<<4, 32, 0, two>>>(a_, kN, 10);
  int* pinned = nullptr;
  ASSERT_EQ(cudaMallocHost(&pinned, kN * sizeof(int)), cudaSuccess);
  ASSERT_EQ(cudaMemcpyAsync(pinned, a_, kN * sizeof(int), cudaMemcpyDeviceToHost, two),
            cudaSuccess);
  ASSERT_EQ(cudaStreamSynchronize(two), cudaSuccess);
  EXPECT_EQ(pinned[9], 100);
  float milliseconds = -1;
  ASSERT_EQ(cudaEventElapsedTime(&milliseconds, start, stop), cudaSuccess);
  EXPECT_GE(milliseconds, 0);
  EXPECT_EQ(cudaFreeHost(pinned), cudaSuccess);
  EXPECT_EQ(cudaEventDestroy(start), cudaSuccess);
  EXPECT_EQ(cudaEventDestroy(stop), cudaSuccess);
  EXPECT_EQ(cudaStreamDestroy(one), cudaSuccess);
  EXPECT_EQ(cudaStreamDestroy(two), cudaSuccess);
}

// Parameters are those of the capture; nothing runs before the launch; a graph runs again and
// again.
TEST_F(Runtime, CaptureMakesAGraph) {
  cudaStream_t stream;
  ASSERT_EQ(cudaStreamCreate(&stream), cudaSuccess);
  ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), cudaSuccess);
  int value = 3;
  add<<<4, 32, 0, stream>>>(a_, kN, value);
  value = 1000;
  scale<<<4, 32, 0, stream>>>(a_, kN, 2);
  ASSERT_EQ(cudaMemsetAsync(a_, 0, sizeof(int), stream), cudaSuccess);
  cudaStreamCaptureStatus status;
  ASSERT_EQ(cudaStreamIsCapturing(stream, &status), cudaSuccess);
  EXPECT_EQ(status, cudaStreamCaptureStatusActive);
  cudaGraph_t graph;
  ASSERT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
  size_t count = 0;
  ASSERT_EQ(cudaGraphGetNodes(graph, nullptr, &count), cudaSuccess);
  EXPECT_EQ(count, 3u);
  EXPECT_EQ(get()[5], 5);  // not yet
  cudaGraphExec_t exec;
  ASSERT_EQ(cudaGraphInstantiate(&exec, graph, 0), cudaSuccess);
  ASSERT_EQ(cudaGraphDestroy(graph), cudaSuccess);
  ASSERT_EQ(cudaGraphLaunch(exec, stream), cudaSuccess);
  ASSERT_EQ(cudaGraphLaunch(exec, stream), cudaSuccess);
  ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  const std::vector<int> v = get();
  EXPECT_EQ(v[0], 0);
  EXPECT_EQ(v[5], ((5 + 3) * 2 + 3) * 2);
  EXPECT_EQ(cudaGraphExecDestroy(exec), cudaSuccess);
  EXPECT_EQ(cudaStreamDestroy(stream), cudaSuccess);
}

TEST_F(Runtime, KernelNodesCanBeChanged) {
  cudaStream_t stream;
  ASSERT_EQ(cudaStreamCreate(&stream), cudaSuccess);
  ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), cudaSuccess);
  add<<<4, 32, 0, stream>>>(a_, kN, 3);
  cudaGraph_t graph;
  ASSERT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
  cudaGraphNode_t node;
  size_t count = 1;
  ASSERT_EQ(cudaGraphGetNodes(graph, &node, &count), cudaSuccess);
  cudaKernelNodeParams p;
  ASSERT_EQ(cudaGraphKernelNodeGetParams(node, &p), cudaSuccess);
  EXPECT_EQ(p.gridDim.x, 4u);
  EXPECT_EQ(*static_cast<int*>(p.kernelParams[2]), 3);
  cudaGraphExec_t exec;
  ASSERT_EQ(cudaGraphInstantiate(&exec, graph, 0), cudaSuccess);
  int n = kN, value = 40;
  void* arguments[] = {&a_, &n, &value};
  p.kernelParams = arguments;
  ASSERT_EQ(cudaGraphExecKernelNodeSetParams(exec, node, &p), cudaSuccess);
  ASSERT_EQ(cudaGraphLaunch(exec, stream), cudaSuccess);
  EXPECT_EQ(get()[2], 42);
  EXPECT_EQ(cudaGraphExecDestroy(exec), cudaSuccess);
  EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
  EXPECT_EQ(cudaStreamDestroy(stream), cudaSuccess);
}

TEST_F(Runtime, CaptureForksAndJoinsByEvents) {
  cudaStream_t main_stream, side;
  cudaEvent_t fork, join;
  ASSERT_EQ(cudaStreamCreate(&main_stream), cudaSuccess);
  ASSERT_EQ(cudaStreamCreate(&side), cudaSuccess);
  ASSERT_EQ(cudaEventCreate(&fork), cudaSuccess);
  ASSERT_EQ(cudaEventCreate(&join), cudaSuccess);
  for (const bool joins : {true, false}) {
    ASSERT_EQ(cudaStreamBeginCapture(main_stream, cudaStreamCaptureModeGlobal), cudaSuccess);
    add<<<4, 32, 0, main_stream>>>(a_, kN, 1);
    ASSERT_EQ(cudaEventRecord(fork, main_stream), cudaSuccess);
    ASSERT_EQ(cudaStreamWaitEvent(side, fork), cudaSuccess);
    scale<<<4, 32, 0, side>>>(a_, kN, 10);
    ASSERT_EQ(cudaEventRecord(join, side), cudaSuccess);
    if (joins) ASSERT_EQ(cudaStreamWaitEvent(main_stream, join), cudaSuccess);
    cudaGraph_t graph = nullptr;
    const cudaError_t ended = cudaStreamEndCapture(main_stream, &graph);
    if (!joins) {
      EXPECT_EQ(ended, cudaErrorStreamCaptureUnjoined);
      EXPECT_EQ(graph, nullptr);
      EXPECT_EQ(cudaGetLastError(), cudaErrorStreamCaptureUnjoined);
      continue;
    }
    ASSERT_EQ(ended, cudaSuccess);
    cudaGraphExec_t exec;
    ASSERT_EQ(cudaGraphInstantiate(&exec, graph, 0), cudaSuccess);
    ASSERT_EQ(cudaGraphLaunch(exec, nullptr), cudaSuccess);
    EXPECT_EQ(get()[4], 50);
    EXPECT_EQ(cudaGraphExecDestroy(exec), cudaSuccess);
    EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
  }
  EXPECT_EQ(cudaEventDestroy(fork), cudaSuccess);
  EXPECT_EQ(cudaEventDestroy(join), cudaSuccess);
  EXPECT_EQ(cudaStreamDestroy(main_stream), cudaSuccess);
  EXPECT_EQ(cudaStreamDestroy(side), cudaSuccess);
}

TEST_F(Runtime, SynchronisingBreaksACapture) {
  cudaStream_t stream;
  ASSERT_EQ(cudaStreamCreate(&stream), cudaSuccess);
  ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaErrorStreamCaptureUnsupported);
  cudaGraph_t graph = nullptr;
  EXPECT_EQ(cudaStreamEndCapture(stream, &graph), cudaErrorStreamCaptureInvalidated);
  cudaGetLastError();
  add<<<4, 32, 0, stream>>>(a_, kN, 1);
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);  // the stream is usable again
  EXPECT_EQ(cudaStreamDestroy(stream), cudaSuccess);
}

TEST_F(Runtime, OccupancyAndProperties) {
  cudaDeviceProp p;
  ASSERT_EQ(cudaGetDeviceProperties(&p, 0), cudaSuccess);
  EXPECT_EQ(p.warpSize, 32);
  int major = 0, blocks = 0;
  ASSERT_EQ(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, 0), cudaSuccess);
  EXPECT_EQ(major, p.major);
  ASSERT_EQ(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, add, 1024, 0), cudaSuccess);
  EXPECT_EQ(blocks, 2);
  EXPECT_EQ(cudaSetDevice(1), cudaErrorInvalidDevice);
  EXPECT_STREQ(cudaGetErrorName(cudaGetLastError()), "cudaErrorInvalidDevice");
}

}  // namespace
