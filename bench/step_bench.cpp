// Whole training steps on made-up images, one thread. Wall-clock time and MFLOP of the matrix
// products; counters are by processor time, which other processes disturb less. Run interleaved:
//   step_bench --benchmark_enable_random_interleaving=true --benchmark_repetitions=9
//              --benchmark_report_aggregates_only=true --benchmark_min_time=0.2
#include <benchmark/benchmark.h>

#include <memory>

#include "bench/peers/made_up_images.h"
#include "bench/peers/steps.h"
#include "kernels/common/parallel.h"
#include "kernels/gemm/gemm.h"
#include "models/model.h"

namespace burin {
namespace {

void measure(benchmark::State& state, const Config& config) {
  static const ImageSet images = bench::made_up_images();
  static const DeviceImages data(images, Device::cpu);
  cpu::set_threads(1);
  const std::unique_ptr<Model> model =
      make_model(config, images.pixels(), images.count, Device::cpu);
  model->initialize(images);
  model->train_step(data);  // allocates the temporaries
  for (auto _ : state) model->train_step(data);

  const double mflop = bench::step_mflop(config, images.pixels());
  using benchmark::Counter;
  state.counters["MFLOP"] = Counter(mflop);
  state.counters["images/s"] =
      Counter(static_cast<double>(config.batch), Counter::kIsIterationInvariantRate);
  state.counters["GFLOP/s"] = Counter(1e-3 * mflop, Counter::kIsIterationInvariantRate);
}

}  // namespace
}  // namespace burin

int main(int argc, char** argv) {
  for (const burin::bench::NamedStep& step : burin::bench::named_steps()) {
    benchmark::RegisterBenchmark(("step/" + step.name).c_str(), [config = step.config](
                                                                    benchmark::State& state) {
      burin::measure(state, config);
    })->Unit(benchmark::kMillisecond);
  }
  benchmark::AddCustomContext("instruction set", burin::cpu::gemm_instruction_set());
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
