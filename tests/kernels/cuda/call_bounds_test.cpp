// The number of calls of the CUDA runtime between two points of a program.
#include <cuda_runtime.h>

#include "tests/support/counted_test.h"

namespace burin::test {
namespace {

class CallBounds : public CountedTest {};

TEST_F(CallBounds, CountsWaitsCopiesAndAllocations) {
  float host[4] = {};
  float* device = nullptr;
  cudaStream_t stream = nullptr;
  cudaEvent_t event = nullptr;
  reset_counters();
  EXPECT_TRUE(call_count().functions.empty());

  ASSERT_EQ(cudaStreamCreate(&stream), cudaSuccess);
  ASSERT_EQ(cudaEventCreate(&event), cudaSuccess);
  ASSERT_EQ(cudaMalloc(&device, sizeof host), cudaSuccess);
  ASSERT_EQ(cudaMemsetAsync(device, 0, sizeof host, stream), cudaSuccess);
  ASSERT_EQ(cudaEventRecord(event, stream), cudaSuccess);
  EXPECT_EQ(call_count().synchronisations(), 0);
  EXPECT_EQ(call_count().copies(), 0);
  EXPECT_EQ(call_count().allocations(), 1);

  ASSERT_EQ(cudaMemcpy(host, device, sizeof host, cudaMemcpyDeviceToHost), cudaSuccess);
  ASSERT_EQ(cudaMemcpyAsync(device, host, sizeof host, cudaMemcpyHostToDevice, stream),
            cudaSuccess);
  ASSERT_EQ(cudaEventSynchronize(event), cudaSuccess);
  ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  const CallCount count = call_count();
  EXPECT_EQ(count.synchronisations(), 3);
  EXPECT_EQ(count.copies(), 2);
  EXPECT_EQ(count.of("cudaMemcpyAsync"), 1);
  EXPECT_EQ(count.of("cudaLaunchKernel"), 0);

  reset_counters();
  EXPECT_EQ(call_count().synchronisations(), 0);
  EXPECT_EQ(cudaFree(device), cudaSuccess);
  EXPECT_EQ(cudaEventDestroy(event), cudaSuccess);
  EXPECT_EQ(cudaStreamDestroy(stream), cudaSuccess);
  EXPECT_EQ(call_count().functions,
            (std::map<std::string, int64_t>{
                {"cudaEventDestroy", 1}, {"cudaFree", 1}, {"cudaStreamDestroy", 1}}));
}

}  // namespace
}  // namespace burin::test
