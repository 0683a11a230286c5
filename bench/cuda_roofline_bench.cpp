// The roofs of this card, measured: what a large copy and a large product reach, and what a kernel
// costs that does nothing. By the GPU's own clock; on the software GPU, whose time says nothing,
// the counters of one call at a small size. bench/gpu_report holds all else against these.
//   copy/memcpy, copy/kernel             256 MiB to another 256 MiB; bytes are read and written
//   product/PRECISION/RUNG/4096          C = A B^T of single-precision matrices, by each of our
//                                        rungs that might be best, and by cuBLAS
//   launch/alone                         a kernel of one number, between two events
//   launch/graph                         the same, 100 of them in a graph
#include <benchmark/benchmark.h>
#include <cuda_runtime.h>

#include <functional>
#include <memory>
#include <string>

#include "engine/backend/cuda.h"
#include "kernels/common/cuda_check.h"
#include "kernels/fill/fill.h"
#include "kernels/gemm/gemm_rungs.h"
#include "kernels/random_fill/random_fill.h"
#include "kernels/scale/scale.h"
#include "tests/support/softgpu_counters.h"

namespace burin {
namespace {

using benchmark::Counter;
using cuda::GemmPlan;
using cuda::GemmPrecision;
using cuda::GemmRung;
using cuda::GemmTile;

struct Free {
  void operator()(float* p) const { cuda::release(p); }
};
using Floats = std::unique_ptr<float[], Free>;

// Normal numbers: a card that multiplies zeros draws less power, and is faster.
Floats random_floats(int64_t n, uint64_t seed) {
  Floats made(static_cast<float*>(cuda::allocate(size_t(n) * sizeof(float))));
  cuda::random_normal(made.get(), n, 1.0f, {.seed = seed}, {});
  return made;
}

void count(benchmark::State& state, const std::function<void()>& work) {
  work();  // what is set up once
  test::KernelCount all;
  for (auto _ : state) {
    test::reset_counters();
    work();
    all = test::total_count();
    state.SetIterationTime(1e-6);
  }
  state.counters["launches"] = Counter(double(all.launches));
  state.counters["sectors"] = Counter(double(all.sectors()));
  state.counters["bank_conflicts"] = Counter(double(all.bank_conflicts));
  state.counters["mma"] = Counter(double(all.matrix_products));
  state.counters["instructions"] = Counter(double(all.instructions));
}

// `work` queues on `stream` what is done `times` over.
void measure(benchmark::State& state, Stream stream, int times, const std::function<void()>& work) {
  if (test::counters_available()) return count(state, work);
  constexpr int kLaunches = 5;
  for (auto _ : state) {
    state.SetIterationTime(1e-3 * cuda::time_launch(stream, kLaunches, work) / times);
  }
}

void rate(benchmark::State& state, const char* name, double amount) {
  if (test::counters_available()) return;
  state.counters[name] = Counter(1e-9 * amount, Counter::kIsIterationInvariantRate);
}

// Larger than any L2 there is (B200: 126 MB), four times over.
int64_t copied_floats() {
  return (test::counters_available() ? int64_t{1} << 16 : int64_t{256} << 20) / int64_t{4};
}

void copy(benchmark::State& state, bool by_kernel) {
  const int64_t n = copied_floats();
  const size_t bytes = size_t(n) * sizeof(float);
  const Floats from = random_floats(n, 1), to = random_floats(n, 2);
  measure(state, {}, 1, [&] {
    if (by_kernel) {
      cuda::scale(from.get(), 2.0f, to.get(), n, false, {});
    } else {
      cuda::check(cudaMemcpyAsync(to.get(), from.get(), bytes, cudaMemcpyDeviceToDevice),
                  "cudaMemcpyAsync");
    }
  });
  state.counters["bytes"] = Counter(2.0 * double(bytes));
  rate(state, "GB/s", 2.0 * double(bytes));
}

void multiply(benchmark::State& state, const GemmPlan& plan, int64_t n) {
  const Floats a = random_floats(n * n, 1), b = random_floats(n * n, 2),
               c = random_floats(n * n, 3);
  const Floats workspace = random_floats(cuda::gemm_workspace(plan, n, n, n) + 1, 4);
  GemmPlan with = plan;
  with.workspace = workspace.get();
  measure(state, {}, 1, [&] {
    cuda::gemm_with(with, false, true, n, n, n, a.get(), n, b.get(), n, c.get(), n, {}, {});
  });
  const double flop = 2.0 * double(n) * double(n) * double(n);
  state.counters["GFLOP"] = Counter(1e-9 * flop);
  state.counters["bytes"] = Counter(3.0 * sizeof(float) * double(n) * double(n));
  rate(state, "GFLOP/s", flop);
}

void launch(benchmark::State& state) {
  const Floats x = random_floats(1, 1);
  measure(state, {}, 1, [&] { cuda::fill(x.get(), 1, 1.0f, {}); });
}

void launch_graph(benchmark::State& state) {
  constexpr int kKernels = 100;
  const Floats x = random_floats(1, 1);
  const cuda::OwnedStream stream;
  cuda::Graph graph;
  graph.capture(stream.get(), [&] {
    for (int i = 0; i < kKernels; ++i) cuda::fill(x.get(), 1, 1.0f, stream.get());
  });
  measure(state, stream.get(), kKernels, [&] { graph.launch(stream.get()); });
}

void add(const std::string& name, const std::function<void(benchmark::State&)>& body) {
  auto* b = benchmark::RegisterBenchmark(name.c_str(), body);
  b->Unit(benchmark::kMicrosecond)->UseManualTime();
  if (test::counters_available()) b->Iterations(1);
}

void add_all() {
  add("copy/memcpy", [](benchmark::State& state) { copy(state, false); });
  add("copy/kernel", [](benchmark::State& state) { copy(state, true); });
  add("launch/alone", launch);
  add("launch/graph", launch_graph);
  const int64_t n = test::counters_available() ? 128 : 4096;
  const auto product = [&](const char* precision, const char* rung, const GemmPlan& plan) {
    add(std::string("product/") + precision + "/" + rung + "/" + std::to_string(n),
        [plan, n](benchmark::State& state) { multiply(state, plan, n); });
  };
  for (const auto& [name, precision] :
       {std::pair("fp32", GemmPrecision::fp32), std::pair("tf32", GemmPrecision::tf32),
        std::pair("bf16", GemmPrecision::bf16)}) {
    const GemmRung rung = precision == GemmPrecision::fp32 ? GemmRung::tiled : GemmRung::tensor;
    product(name, "small_tiles", {rung, precision, GemmTile::small});
    product(name, "large_tiles", {rung, precision, GemmTile::large});
    if (cuda::gemm_cublas_missing().empty()) {
      product(name, "cublas", {GemmRung::cublas, precision});
    }
  }
}

// "13.0"
std::string version_text(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

void tell_about(const cuda::DeviceInfo& gpu) {
  benchmark::AddCustomContext("device", gpu.name);
  benchmark::AddCustomContext("compute_capability",
                              std::to_string(gpu.major) + "." + std::to_string(gpu.minor));
  benchmark::AddCustomContext("multiprocessors", std::to_string(gpu.multiprocessors));
  benchmark::AddCustomContext("memory_bytes", std::to_string(gpu.total_bytes));
  benchmark::AddCustomContext("driver_cuda", version_text(gpu.driver));
  benchmark::AddCustomContext("runtime_cuda", version_text(gpu.runtime));
  const std::string& missing = cuda::gemm_cublas_missing();
  benchmark::AddCustomContext("cublas", missing.empty() ? "found" : missing);
}

}  // namespace
}  // namespace burin

int main(int argc, char** argv) {
  if (!burin::cuda::missing().empty()) {
    fprintf(stderr, "cuda_roofline_bench: %s\n", burin::cuda::missing().c_str());
    return 1;
  }
  burin::tell_about(burin::cuda::device_info());
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  burin::add_all();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
