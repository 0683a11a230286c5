// The likelihood of a VAE by importance sampling, one thread, beside what it cannot do without: the
// decoder's matrix products of the same rows, with their bias and activation, and then without.
// Wall-clock time; rates by processor time. An evaluation is a sample of an image. Run interleaved:
//   nll_bench --benchmark_enable_random_interleaving=true --benchmark_repetitions=9
//             --benchmark_report_aggregates_only=true --benchmark_min_time=0.2
#include <benchmark/benchmark.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "bench/peers/made_up_images.h"
#include "kernels/bce_logits/bce_logits.h"
#include "kernels/common/parallel.h"
#include "kernels/gemm/gemm.h"
#include "kernels/importance/importance.h"
#include "models/vae.h"

namespace burin {
namespace {

constexpr int64_t kImages = 100;
constexpr int64_t kSamples = 50;
constexpr int64_t kEvaluations = kImages * kSamples;

const Config& config() {
  static const Config preset = preset_config(ModelKind::vae, "mnist-vae");
  return preset;
}
const ImageSet& images() {
  static const ImageSet set = bench::made_up_images(kImages);
  return set;
}

std::vector<int64_t> decoder_sizes() {
  std::vector<int64_t> sizes = {config().latent};
  sizes.insert(sizes.end(), config().decoder_hidden.begin(), config().decoder_hidden.end());
  sizes.push_back(images().pixels());
  return sizes;
}

// Of the decoder's products; a multiply-add is two operations. The encoder runs once an image.
double decoder_mflop() {
  const std::vector<int64_t> sizes = decoder_sizes();
  int64_t weights = 0;
  for (size_t i = 1; i < sizes.size(); ++i) weights += sizes[i - 1] * sizes[i];
  return 2e-6 * static_cast<double>(weights);
}

void report(benchmark::State& state, bool products = true) {
  using benchmark::Counter;
  const double evaluations = static_cast<double>(kEvaluations);
  state.counters["evaluations/s"] = Counter(evaluations, Counter::kIsIterationInvariantRate);
  if (!products) return;
  state.counters["MFLOP"] = Counter(decoder_mflop());
  state.counters["GFLOP/s"] =
      Counter(1e-3 * decoder_mflop() * evaluations, Counter::kIsIterationInvariantRate);
}

std::unique_ptr<Vae> initialized_vae() {
  auto vae = std::make_unique<Vae>(config(), images().pixels(), config().batch, Device::cpu);
  vae->initialize(images());
  return vae;
}

void likelihood(benchmark::State& state, int64_t rows) {
  const DeviceImages data(images(), Device::cpu);
  const std::unique_ptr<Vae> model = initialized_vae();
  Vae& vae = *model;
  vae.nll(data, 1, {}, rows);
  for (auto _ : state) benchmark::DoNotOptimize(vae.nll(data, kSamples, {}, rows));
  report(state);
}

// The decoder's products alone, of as many rows at a time.
void products(benchmark::State& state, int64_t rows, bool fused) {
  const std::vector<int64_t> sizes = decoder_sizes();
  std::vector<std::vector<float>> values, weights, biases;
  for (size_t i = 0; i < sizes.size(); ++i) {
    values.emplace_back(static_cast<size_t>(rows * sizes[i]), 0.5f);
    if (i == 0) continue;
    weights.emplace_back(static_cast<size_t>(sizes[i] * sizes[i - 1]), 0.01f);
    biases.emplace_back(static_cast<size_t>(sizes[i]), 0.1f);
  }
  for (auto _ : state) {
    for (int64_t done = 0; done < kEvaluations; done += rows) {
      const int64_t m = std::min(rows, kEvaluations - done);
      for (size_t i = 0; i + 1 < sizes.size(); ++i) {
        GemmEpilogue epilogue;
        if (fused) epilogue.bias = biases[i].data();
        if (fused && i + 2 < sizes.size()) epilogue.activation = Activation::tanh;
        cpu::gemm(false, true, m, sizes[i + 1], sizes[i], values[i].data(), sizes[i],
                  weights[i].data(), sizes[i], values[i + 1].data(), sizes[i + 1], epilogue, {});
      }
      benchmark::ClobberMemory();
    }
  }
  report(state);
}

// The rest: the samples, the cross entropy of each row, the weights.
void samples(benchmark::State& state, int64_t rows) {
  const int64_t latent = config().latent, images_at_once = rows / kSamples;
  const std::vector<float> heads(static_cast<size_t>(images_at_once * 2 * latent), 0.1f);
  std::vector<float> z(static_cast<size_t>(rows * latent)), ratio(static_cast<size_t>(rows));
  for (auto _ : state) {
    for (int64_t image = 0; image < kImages; image += images_at_once) {
      const int64_t count = std::min(images_at_once, kImages - image);
      cpu::importance_sample(heads.data(), count, kSamples, latent, 0, {}, 1, z.data(),
                             ratio.data(), {});
      benchmark::ClobberMemory();
    }
  }
  report(state, false);
}
void cross_entropy(benchmark::State& state, int64_t rows) {
  const int64_t pixels = images().pixels(), images_at_once = rows / kSamples;
  std::vector<float> logits, target, loss(static_cast<size_t>(rows));
  std::mt19937 engine(1);
  std::normal_distribution<float> normal(-3.0f, 3.0f);
  for (int64_t i = 0; i < images_at_once * kSamples * pixels; ++i) logits.push_back(normal(engine));
  for (int64_t i = 0; i < images_at_once * pixels; ++i) target.push_back(i % 5 == 0 ? 1.0f : 0.0f);
  for (auto _ : state) {
    for (int64_t image = 0; image < kImages; image += images_at_once) {
      const int64_t count = std::min(images_at_once, kImages - image);
      cpu::bce_logits_rows(logits.data(), target.data(), count * kSamples, pixels, kSamples,
                           loss.data(), {});
      benchmark::ClobberMemory();
    }
  }
  report(state, false);
}
void weights(benchmark::State& state) {
  const std::vector<float> loss(static_cast<size_t>(kEvaluations), 90.0f);
  std::vector<float> ratio(static_cast<size_t>(kEvaluations));
  std::vector<double> exponent(static_cast<size_t>(kImages)), sum(static_cast<size_t>(kImages));
  for (size_t i = 0; i < ratio.size(); ++i) ratio[i] = static_cast<float>(i % 37) - 40.0f;
  for (auto _ : state) {
    cpu::importance_sum(loss.data(), ratio.data(), kImages, kSamples, true, exponent.data(),
                        sum.data(), {});
    benchmark::ClobberMemory();
  }
  report(state, false);
}

void add(const char* name, const std::function<void(benchmark::State&)>& run) {
  benchmark::RegisterBenchmark(name, run)->Unit(benchmark::kMillisecond);
}

}  // namespace
}  // namespace burin

int main(int argc, char** argv) {
  using namespace burin;
  cpu::set_threads(1);
  // As many rows as nll() decodes at a time, whole images of kSamples.
  const int64_t rows = initialized_vae()->decoder_rows() / kSamples * kSamples;
  add("nll/mnist-vae", [](auto& state) { likelihood(state, 0); });
  add("nll/products_fused", [=](auto& state) { products(state, rows, true); });
  add("nll/products", [=](auto& state) { products(state, rows, false); });
  add("nll/samples", [=](auto& state) { samples(state, rows); });
  add("nll/cross_entropy", [=](auto& state) { cross_entropy(state, rows); });
  add("nll/weights", [](auto& state) { weights(state); });
  for (const int64_t other : {50, 150, 500, 1000, 2000}) {
    add(("nll/rows:" + std::to_string(other)).c_str(),
        [other](auto& state) { likelihood(state, other); });
  }
  benchmark::AddCustomContext("instruction set", cpu::gemm_instruction_set());
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
