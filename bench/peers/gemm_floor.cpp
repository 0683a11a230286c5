// The matrix products of a step and nothing else, by a library of one's choice: what a step cannot
// be faster than, as long as it makes these products and this library is the fastest for them.
//   gemm_floor STEP LIBRARY THREADS PIXELS
// LIBRARY: onednn, openblas (where they were found when this was built) or burin. Protocol:
// served.h. Operands are the buffers of a step, so that what a step finds in a cache is there.
#include <cstdlib>
#include <functional>
#include <memory>
#include <random>
#include <string>

#include "bench/peers/products.h"
#include "bench/peers/served.h"
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

struct Free {
  void operator()(float* p) const { std::free(p); }
};
using Floats = std::unique_ptr<float[], Free>;

// On a 64-byte border, as tensors are.
Floats random_floats(int64_t n, std::mt19937& engine) {
  const size_t bytes = (static_cast<size_t>(n) * sizeof(float) + 63) / 64 * 64;
  Floats values(static_cast<float*>(std::aligned_alloc(64, bytes)));
  std::normal_distribution<float> normal(0.0f, 0.1f);
  for (int64_t i = 0; i < n; ++i) values[static_cast<size_t>(i)] = normal(engine);
  return values;
}

struct Call {
  bool transpose_a, transpose_b;
  int64_t m, n, k;
  const float* a;
  int64_t lda;
  const float* b;
  int64_t ldb;
  float* c;
};

void by_burin(const Call& p) {
  cpu::gemm(p.transpose_a, p.transpose_b, p.m, p.n, p.k, p.a, p.lda, p.b, p.ldb, p.c, p.n, {}, {});
}

#ifdef BURIN_BENCH_OPENBLAS
void by_openblas(const Call& p) {
  cblas_sgemm(CblasRowMajor, p.transpose_a ? CblasTrans : CblasNoTrans,
              p.transpose_b ? CblasTrans : CblasNoTrans, static_cast<int>(p.m),
              static_cast<int>(p.n), static_cast<int>(p.k), 1.0f, p.a, static_cast<int>(p.lda), p.b,
              static_cast<int>(p.ldb), 0.0f, p.c, static_cast<int>(p.n));
}
#endif

#ifdef BURIN_BENCH_ONEDNN
void by_onednn(const Call& p) {
  dnnl_sgemm(p.transpose_a ? 'T' : 'N', p.transpose_b ? 'T' : 'N', p.m, p.n, p.k, 1.0f, p.a, p.lda,
             p.b, p.ldb, 0.0f, p.c, p.n);
}
#endif

struct Library {
  std::function<void(const Call&)> product;
  std::string version;
};

Library library(const std::string& name, int threads) {
  if (name == "burin") {
    cpu::set_threads(threads);
    return {by_burin, std::string("Burin's gemm, ") + cpu::gemm_instruction_set()};
  }
#ifdef BURIN_BENCH_OPENBLAS
  if (name == "openblas") {
    openblas_set_num_threads(threads);
    return {by_openblas,
            std::string(openblas_get_config()) + ", kernels for " + openblas_get_corename()};
  }
#endif
#ifdef BURIN_BENCH_ONEDNN
  if (name == "onednn") {
    omp_set_num_threads(threads);
    const dnnl_version_t* v = dnnl_version();
    return {by_onednn, "oneDNN " + std::to_string(v->major) + "." + std::to_string(v->minor) + "." +
                           std::to_string(v->patch)};
  }
#endif
  throw UsageError("no library is called " + name + ", or this was built without it");
}

void run(const std::string& name, const std::string& library_name, int threads, int64_t pixels) {
  const bench::NamedStep step = bench::find_step(name);
  const Library chosen = library(library_name, threads);
  const bench::StepProducts list = bench::step_products(step, pixels);
  const double expected = bench::step_mflop(step, pixels);
  if (std::abs(list.mflop() - expected) > 1e-9 * expected) {
    throw std::logic_error("the products of " + name + " are " + std::to_string(list.mflop()) +
                           " MFLOP, the step is " + std::to_string(expected));
  }
  std::mt19937 engine(1);
  std::vector<Floats> buffers;
  for (const int64_t size : list.buffers) buffers.push_back(random_floats(size, engine));
  std::vector<Call> calls;
  for (const bench::Product& p : list.products) {
    const auto at = [&](const bench::Operand& o) { return buffers[o.buffer].get() + o.offset; };
    calls.push_back({p.transpose_a, p.transpose_b, p.m, p.n, p.k, at(p.a),
                     p.transpose_a ? p.m : p.k, at(p.b), p.transpose_b ? p.k : p.n, at(p.c)});
  }
  bench::serve({{"version", chosen.version},
                {"images", step.config.batch},
                {"mflop", expected},
                {"products", calls.size()}},
               [&] {
                 for (const Call& call : calls) chosen.product(call);
                 return int64_t{1};
               });
}

}  // namespace
}  // namespace burin

int main(int argc, char** argv) {
  if (argc != 5) {
    std::cerr << "usage: gemm_floor STEP onednn|openblas|burin THREADS PIXELS\n";
    return 2;
  }
  try {
    burin::run(argv[1], argv[2], std::stoi(argv[3]), std::stoll(argv[4]));
  } catch (const std::exception& fault) {
    std::cerr << "gemm_floor: " << fault.what() << "\n";
    return 1;
  }
}
