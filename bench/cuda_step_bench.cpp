// Whole training steps on the GPU: replays of the captured step. By the GPU's own clock; on the
// software GPU, whose time says nothing, what one step's kernels move.
//   step/NAME/PRECISION/GEMM   as `burin train --precision PRECISION --gemm GEMM`; NAME:
//   peers/steps.h
// "least_bytes" is what a step must read and write of what outlives it, each once: weights,
// gradients' moments, running average, pixels. What lives within a step might stay on the chip.
#include <benchmark/benchmark.h>

#include <map>
#include <memory>

#include "bench/peers/made_up_images.h"
#include "bench/peers/steps.h"
#include "engine/backend/cuda.h"
#include "kernels/gemm/gemm_rungs.h"
#include "models/model.h"
#include "tests/support/softgpu_counters.h"

namespace burin {
namespace {

using benchmark::Counter;

constexpr int kStepsATime = 20;  // between two events

void time_steps(benchmark::State& state, Model& model, const DeviceImages& data,
                const Config& config) {
  for (auto _ : state) {
    const double milliseconds = cuda::time_launch(model.stream(), 1, [&] {
      for (int i = 0; i < kStepsATime; ++i) model.train_step(data);
    });
    state.SetIterationTime(1e-3 * milliseconds / kStepsATime);
  }
  const double mflop = bench::step_mflop(config, data.pixels());
  state.counters["images/s"] =
      Counter(static_cast<double>(config.batch), Counter::kIsIterationInvariantRate);
  state.counters["GFLOP/s"] = Counter(1e-3 * mflop, Counter::kIsIterationInvariantRate);
}

void count_a_step(benchmark::State& state, Model& model, const DeviceImages& data) {
  std::vector<test::KernelCount> kernels;
  for (auto _ : state) {
    model.synchronize();
    test::reset_counters();
    model.train_step(data);
    kernels = test::kernel_counts();
    state.SetIterationTime(1e-6);
  }
  test::KernelCount all;
  for (const test::KernelCount& kernel : kernels) {
    state.counters[kernel.kernel + " launches"] = Counter(double(kernel.launches));
    state.counters[kernel.kernel + " bytes"] = Counter(32.0 * double(kernel.sectors()));
    all.instructions += kernel.instructions;
    all.load_sectors += kernel.sectors();
  }
  state.counters["bytes"] = Counter(32.0 * double(all.load_sectors));
  state.counters["instructions"] = Counter(double(all.instructions));
}

double least_bytes(const Model& model) {
  double floats = 0;
  for (const Model::Network& network : model.networks()) {
    const double parameters = static_cast<double>(network.parameters->elements());
    const double buffers = 3.0 + (network.average != nullptr ? 1.0 : 0.0);  // w, m, v, average
    floats += 2.0 * buffers * parameters;
  }
  return sizeof(float) * floats + static_cast<double>(model.config().batch * model.pixels());
}

void measure(benchmark::State& state, const Config& config) {
  static const ImageSet images = bench::made_up_images();
  static const DeviceImages data(images, Device::cuda);
  const std::unique_ptr<Model> model =
      make_model(config, images.pixels(), images.count, Device::cuda);
  model->initialize(images);
  for (int i = 0; i < 3; ++i) model->train_step(data);  // finds its memory, is captured, replayed
  if (test::counters_available()) {
    count_a_step(state, *model, data);
  } else {
    time_steps(state, *model, data, config);
  }
  state.counters["kernels"] = Counter(double(model->kernels_per_step()));
  state.counters["least_bytes"] = Counter(least_bytes(*model));
  state.counters["MFLOP"] = Counter(bench::step_mflop(config, images.pixels()));
}

void register_step(const bench::NamedStep& step, const char* precision, const char* gemm) {
  Config config = step.config;
  config.precision = precision;
  config.gemm = gemm;
  auto* b =
      benchmark::RegisterBenchmark(("step/" + step.name + "/" + precision + "/" + gemm).c_str(),
                                   [config](benchmark::State& state) { measure(state, config); });
  b->Unit(benchmark::kMicrosecond)->UseManualTime();
  if (test::counters_available()) b->Iterations(1);
}

void register_steps() {
  for (const bench::NamedStep& step : bench::named_steps()) {
    for (const char* precision : {"fp32", "tf32", "bf16"}) {
      register_step(step, precision, "own");
      if (!cuda::gemm_cublas_missing().empty()) continue;
      register_step(step, precision, "cublas");
      // Chooses by time, of which the software GPU has none.
      if (!test::counters_available()) register_step(step, precision, "auto");
    }
  }
}

}  // namespace
}  // namespace burin

int main(int argc, char** argv) {
  benchmark::AddCustomContext("device", burin::test::device_name());
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  if (!burin::cuda::missing().empty()) {
    fprintf(stderr, "cuda_step_bench: %s\n", burin::cuda::missing().c_str());
    return 1;
  }
  burin::register_steps();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
