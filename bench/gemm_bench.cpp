// The products of a dense layer at the sizes of the models, one thread, with the epilogue that
// training fuses and without; and the same plain products by the BLAS libraries that were found.
// Compare within one run, interleaved:
//   gemm_bench --benchmark_enable_random_interleaving=true --benchmark_repetitions=15
//              --benchmark_report_aggregates_only=true --benchmark_min_time=0.02
// GFLOP/s counts 2 m n k, and processor time: other processes disturb less.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "kernels/common/parallel.h"
#include "kernels/gemm/gemm.h"

#ifdef BURIN_BENCH_OPENBLAS
#include <cblas.h>
#endif
#ifdef BURIN_BENCH_ONEDNN
#include <dnnl.h>
#include <omp.h>
#endif

namespace burin {
namespace {

enum class Layer { forward, backward, weights };

struct Shape {
  Layer layer;
  int64_t batch, in, out;

  bool transpose_a() const { return layer == Layer::weights; }
  bool transpose_b() const { return layer == Layer::forward; }
  int64_t m() const { return layer == Layer::weights ? out : batch; }
  int64_t n() const { return layer == Layer::forward ? out : in; }
  int64_t k() const {
    if (layer == Layer::weights) return batch;
    return layer == Layer::forward ? in : out;
  }
  int64_t lda() const { return transpose_a() ? m() : k(); }
  int64_t ldb() const { return transpose_b() ? k() : n(); }
};

// Floats on a 64-byte border, as tensors are.
struct Free {
  void operator()(float* p) const { std::free(p); }
};
using Floats = std::unique_ptr<float[], Free>;

Floats random_floats(int64_t n, uint32_t seed) {
  const size_t bytes = (size_t(n) * sizeof(float) + 63) / 64 * 64;
  Floats values(static_cast<float*>(std::aligned_alloc(64, bytes)));
  std::mt19937 engine(seed);
  for (int64_t i = 0; i < n; ++i) values[size_t(i)] = float(engine()) * 0x1p-31f - 1.0f;
  return values;
}

struct Operands {
  explicit Operands(const Shape& s)
      : a(random_floats(s.m() * s.k(), 1)),
        b(random_floats(s.k() * s.n(), 2)),
        c(random_floats(s.m() * s.n(), 3)),
        bias(random_floats(s.n(), 4)),
        saved(random_floats(s.m() * s.n(), 5)) {}
  Floats a, b, c, bias, saved;
};

template <class Body>
void measure(benchmark::State& state, const Shape& s, const Body& body) {
  cpu::set_threads(1);
  const Operands x(s);
  for (auto _ : state) {
    body(s, x);
    benchmark::ClobberMemory();
  }
  state.counters["GFLOP/s"] = benchmark::Counter(2e-9 * double(s.m() * s.n() * s.k()),
                                                 benchmark::Counter::kIsIterationInvariantRate);
}

void product(const Shape& s, const Operands& x, const GemmEpilogue& epilogue) {
  cpu::gemm(s.transpose_a(), s.transpose_b(), s.m(), s.n(), s.k(), x.a.get(), s.lda(), x.b.get(),
            s.ldb(), x.c.get(), s.n(), epilogue, {});
}

void plain(const Shape& s, const Operands& x) {
  product(s, x, {});
}

// Bias and leaky rectifier forwards, its derivative backwards, sums of weight gradients.
void fused(const Shape& s, const Operands& x) {
  GemmEpilogue epilogue;
  if (s.layer == Layer::weights) {
    epilogue.accumulate = true;
  } else {
    epilogue.activation = Activation::leaky_relu;
    if (s.layer == Layer::forward) epilogue.bias = x.bias.get();
    if (s.layer == Layer::backward) epilogue.derivative_output = x.saved.get();
    epilogue.ld_derivative = s.n();
  }
  product(s, x, epilogue);
}

#ifdef BURIN_BENCH_OPENBLAS
void openblas(const Shape& s, const Operands& x) {
  cblas_sgemm(CblasRowMajor, s.transpose_a() ? CblasTrans : CblasNoTrans,
              s.transpose_b() ? CblasTrans : CblasNoTrans, int(s.m()), int(s.n()), int(s.k()), 1.0f,
              x.a.get(), int(s.lda()), x.b.get(), int(s.ldb()), 0.0f, x.c.get(), int(s.n()));
}
#endif

#ifdef BURIN_BENCH_ONEDNN
void onednn(const Shape& s, const Operands& x) {
  dnnl_sgemm(s.transpose_a() ? 'T' : 'N', s.transpose_b() ? 'T' : 'N', s.m(), s.n(), s.k(), 1.0f,
             x.a.get(), s.lda(), x.b.get(), s.ldb(), 0.0f, x.c.get(), s.n());
}
#endif

void add(const char* who, const Shape& s, void (*body)(const Shape&, const Operands&)) {
  const char* what = s.layer == Layer::forward    ? "forward"
                     : s.layer == Layer::backward ? "backward"
                                                  : "weights";
  const std::string name = std::string("gemm/") + what + "/" + std::to_string(s.batch) + "x" +
                           std::to_string(s.in) + "x" + std::to_string(s.out) + "/" + who;
  benchmark::RegisterBenchmark(name.c_str(),
                               [s, body](benchmark::State& state) { measure(state, s, body); });
}

void add_all() {
  const std::vector<std::pair<int64_t, int64_t>> layers = {{784, 256}, {256, 128}, {100, 128},
                                                           {128, 256}, {256, 784}, {784, 200},
                                                           {200, 50},  {50, 200},  {256, 1}};
  const std::vector<std::pair<int64_t, int64_t>> wide = {{784, 200}, {200, 784}, {784, 1024}};
  for (const int64_t batch : {128, 256, 5000}) {  // 5000: importance samples, evaluation
    for (const auto& [in, out] : batch < 1000 ? layers : wide) {
      for (const Layer layer : {Layer::forward, Layer::backward, Layer::weights}) {
        const Shape shape{layer, batch, in, out};
        add("burin", shape, plain);
        add("burin_fused", shape, fused);
#ifdef BURIN_BENCH_OPENBLAS
        add("openblas", shape, openblas);
#endif
#ifdef BURIN_BENCH_ONEDNN
        add("onednn", shape, onednn);
#endif
      }
    }
  }
}

}  // namespace
}  // namespace burin

int main(int argc, char** argv) {
#ifdef BURIN_BENCH_OPENBLAS
  openblas_set_num_threads(1);
#endif
#ifdef BURIN_BENCH_ONEDNN
  omp_set_num_threads(1);
#endif
  burin::add_all();
  benchmark::AddCustomContext("instruction set", burin::cpu::gemm_instruction_set());
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
