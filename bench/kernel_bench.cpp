// Each case that the rooms' tests declare, as a benchmark of the twin that this is compiled for.
// kernel_bench: the CPU, one thread. cuda_kernel_bench: a device, by its own clock, with a cold L2
// cache; on the software GPU, whose time says nothing, the counters of one call.
#include <benchmark/benchmark.h>

#include <algorithm>

#include "kernels/common/parallel.h"
#include "tests/support/room_run.h"
#if BURIN_TEST_CUDA
#include "tests/support/softgpu_counters.h"
#endif

namespace burin::test {
namespace {

using benchmark::Counter;

void report(benchmark::State& state, const Case& c, const Dims& d) {
  const auto [read, written] = c.bytes(d);
  state.counters["bytes"] = Counter(double(read + written));
  state.counters["GB/s"] =
      Counter(1e-9 * double(read + written), Counter::kIsIterationInvariantRate);
  if (c.flops) {
    state.counters["GFLOP/s"] = Counter(1e-9 * c.flops(d), Counter::kIsIterationInvariantRate);
  }
}

#if BURIN_TEST_CUDA

// Written between two calls, so that the second finds nothing of the first in the cache. Larger
// than any L2 there is (H200: 60 MB, B200: 126 MB).
class CacheFlush {
 public:
  CacheFlush() { cuda::check(cudaMalloc(&memory_, kBytes), "cudaMalloc"); }
  CacheFlush(const CacheFlush&) = delete;
  CacheFlush& operator=(const CacheFlush&) = delete;
  ~CacheFlush() { cudaFree(memory_); }
  void operator()() { cuda::check(cudaMemsetAsync(memory_, 0, kBytes), "cudaMemsetAsync"); }

 private:
  static constexpr size_t kBytes = size_t{256} << 20;
  void* memory_ = nullptr;
};

void measure_on_device(benchmark::State& state, Arguments& x) {
  CacheFlush flush;
  cudaEvent_t begin, end;
  cuda::check(cudaEventCreate(&begin), "cudaEventCreate");
  cuda::check(cudaEventCreate(&end), "cudaEventCreate");
  x.run();
  for (auto _ : state) {
    flush();
    cuda::check(cudaEventRecord(begin), "cudaEventRecord");
    x.run();
    cuda::check(cudaEventRecord(end), "cudaEventRecord");
    cuda::check(cudaEventSynchronize(end), "cudaEventSynchronize");
    float milliseconds = 0.0f;
    cuda::check(cudaEventElapsedTime(&milliseconds, begin, end), "cudaEventElapsedTime");
    state.SetIterationTime(1e-3 * double{milliseconds});
  }
  cudaEventDestroy(begin);
  cudaEventDestroy(end);
}

void count_on_software_gpu(benchmark::State& state, const Case& c, const Dims& d, Arguments& x) {
  if (!c.flops) x.run();  // the first sum sets up the stream's workspace
  KernelCount all;
  for (auto _ : state) {
    reset_counters();
    x.run();
    all = total_count();
    state.SetIterationTime(1e-6);
  }
  const auto [read, written] = c.bytes(d);
  const double sectors = double(all.sectors());
  state.counters["bytes"] = Counter(double(read + written));
  state.counters["launches"] = Counter(double(all.launches));
  state.counters["sectors"] = Counter(sectors);
  state.counters["sectors/least"] = Counter(sectors * 32.0 / double(read + written));
  state.counters["bank_conflicts"] = Counter(double(all.bank_conflicts));
  state.counters["mma"] = Counter(double(all.matrix_products));
  state.counters["instructions"] = Counter(double(all.instructions));
}

void measure(benchmark::State& state, const Case& c, const Dims& d) {
  const Host host = c.host(d, false);
  Arguments x(c, host, kPlacements[0], false);
  if (counters_available()) {
    count_on_software_gpu(state, c, d, x);
    return;
  }
  measure_on_device(state, x);
  report(state, c, d);
}

#else

void measure(benchmark::State& state, const Case& c, const Dims& d) {
  cpu::set_threads(1);
  const Host host = c.host(d, false);
  Arguments x(c, host, kPlacements[0], false);
  for (auto _ : state) x.run();
  report(state, c, d);
}

#endif

}  // namespace

void register_benchmarks() {
  for (const Case& c : declared_cases()) {
    for (const Dims& d : c.measured) {
      auto* b =
          benchmark::RegisterBenchmark((c.name + "/" + to_string(d)).c_str(),
                                       [&c, d](benchmark::State& state) { measure(state, c, d); });
      b->Unit(benchmark::kMicrosecond);
#if BURIN_TEST_CUDA
      b->UseManualTime();
      if (counters_available()) b->Iterations(1);
#endif
    }
  }
}

}  // namespace burin::test

int main(int argc, char** argv) {
#if BURIN_TEST_CUDA
  benchmark::AddCustomContext("device", burin::test::device_name());
#endif
  burin::test::register_benchmarks();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
