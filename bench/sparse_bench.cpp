// A layer's product with and without its zeros, at densities from 1 % to 100 %: the dense one
// (gemm) and the sparse one (sparse_gemm) in turn, so that what disturbs one disturbs the other.
//   sparse_bench [--rounds N] [--batch B,B] [--threads N]
// The median of the rounds, and between which quartiles they lie; ratio: dense over sparse, of the
// rounds' own ratios.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/common/parallel.h"
#include "kernels/gemm/gemm.h"
#include "kernels/sparse_gemm/sparse_gemm.h"
#include "models/spread.h"

namespace burin {
namespace {

struct Shape {
  const char* what;
  int64_t in, out;
  Activation activation;
};

// The layers of the presets that make pictures or read them.
constexpr Shape kShapes[] = {
    {"generator.0", 100, 128, Activation::leaky_relu},
    {"generator.1", 128, 256, Activation::leaky_relu},
    {"generator.2", 256, 784, Activation::tanh},
    {"decoder.1", 200, 200, Activation::tanh},
    {"decoder.2", 200, 784, Activation::none},
    {"encoder.0", 784, 200, Activation::tanh},
};

std::vector<float> random_floats(int64_t n, uint32_t seed) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<size_t>(n));
  for (float& v : values) v = normal(engine);
  return values;
}

struct Sparse {
  std::vector<float> dense, values;
  std::vector<uint16_t> columns;
  std::vector<int32_t> starts = {0};
  SparseMatrix matrix;

  Sparse(int64_t rows, int64_t cols, double density) : dense(random_floats(rows * cols, 1)) {
    std::mt19937 engine(2);
    std::bernoulli_distribution stays(density);
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = 0; c < cols; ++c) {
        float& w = dense[static_cast<size_t>(r * cols + c)];
        if (!stays(engine)) w = 0.0f;
        if (w == 0.0f) continue;
        values.push_back(w);
        columns.push_back(static_cast<uint16_t>(c));
      }
      starts.push_back(static_cast<int32_t>(values.size()));
    }
    matrix = {rows, cols, values.data(), columns.data(), starts.data()};
  }
};

void compare(const Shape& shape, int64_t batch, double density, int rounds) {
  const Sparse w(shape.out, shape.in, density);
  const std::vector<float> x = random_floats(batch * shape.in, 3),
                           bias = random_floats(shape.out, 4);
  std::vector<float> y(static_cast<size_t>(batch * shape.out)), y_dense(y.size());
  GemmEpilogue epilogue;
  epilogue.bias = bias.data();
  epilogue.activation = shape.activation;
  const auto dense = [&] {
    cpu::gemm(false, true, batch, shape.out, shape.in, x.data(), shape.in, w.dense.data(), shape.in,
              y_dense.data(), shape.out, epilogue, {});
  };
  const auto sparse = [&] {
    cpu::sparse_gemm(w.matrix, x.data(), shape.in, batch, y.data(), shape.out, bias.data(),
                     shape.activation, epilogue.slope, {});
  };
  dense();
  sparse();
  if (batch > 1 && std::memcmp(y.data(), y_dense.data(), y.size() * sizeof(float)) != 0) {
    throw std::runtime_error("the two products differ");
  }
  const double once = seconds_of(dense);
  const Alternation times =
      alternate(rounds, std::max(1, static_cast<int>(200e-6 / once)), dense, sparse);
  const auto text = [](const Spread& s, double scale, int digits) {
    return fmt::format("{:.{}f} [{:.{}f}, {:.{}f}]", s.median * scale, digits, s.low * scale,
                       digits, s.high * scale, digits);
  };
  fmt::print("{:<12} {:>4} x {:>3} -> {:>3} {:>6.0f} % {:>24} {:>24} {:>20}\n", shape.what, batch,
             shape.in, shape.out, 100 * density, text(times.first, 1e6, 1),
             text(times.second, 1e6, 1), text(times.ratio, 1, 2));
}

std::vector<int64_t> numbers(std::string_view text) {
  std::vector<int64_t> list;
  const char* at = text.data();
  const char* end = at + text.size();
  while (at < end) {
    int64_t number = 0;
    const auto [rest, error] = std::from_chars(at, end, number);
    if (error != std::errc() || number < 1) throw std::runtime_error("expected whole numbers");
    list.push_back(number);
    at = rest + 1;
  }
  return list;
}

int run(int argc, char** argv) {
  int rounds = 21;
  std::vector<int64_t> batches = {256};
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view flag = argv[i];
    if (flag == "--rounds") rounds = static_cast<int>(numbers(argv[i + 1])[0]);
    if (flag == "--batch") batches = numbers(argv[i + 1]);
    if (flag == "--threads") cpu::set_threads(static_cast<int>(numbers(argv[i + 1])[0]));
  }
  fmt::print("{}, {} threads, {} rounds; microseconds [quartiles]\n", cpu::gemm_instruction_set(),
             cpu::threads(), rounds);
  fmt::print("{:<12} {:>18} {:>8} {:>24} {:>24} {:>20}\n", "layer", "batch x in -> out", "density",
             "dense", "sparse", "ratio");
  for (const int64_t batch : batches) {
    for (const Shape& shape : kShapes) {
      for (const double density : {0.01, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0}) {
        compare(shape, batch, density, rounds);
      }
    }
  }
  return 0;
}

}  // namespace
}  // namespace burin

int main(int argc, char** argv) {
  try {
    return burin::run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "sparse_bench: {}\n", error.what());
    return 1;
  }
}
