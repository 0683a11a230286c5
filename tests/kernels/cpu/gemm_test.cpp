#include "kernels/gemm/gemm.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include "kernels/common/parallel.h"
#include "kernels/gemm/gemm_microkernel.h"
#include "tests/oracle.h"
#include "tests/support/kernel_case.h"

namespace burin::test {
namespace {

constexpr float kSlope = 0.2f;
const std::vector<Activation> kActivations = {Activation::none, Activation::leaky_relu,
                                              Activation::sigmoid, Activation::tanh};

char letter(Activation activation) {
  return "nlst"[static_cast<int>(activation)];
}

struct Shape {
  int64_t m, n, k;
};

// Every remainder of the tiles (14 x 32, 6 x 16, 4 x 16), every special path, more than one pass
// over k (1030 > 1024), more than one group of rows (700 > 512).
const std::vector<Shape> kShapes = {
    {1, 1, 1},    {1, 1, 257},  {3, 1, 31},    {257, 1, 33},   {1, 3, 127},  {1, 257, 33},
    {1, 64, 31},  {3, 3, 3},    {4, 16, 33},   {6, 16, 31},    {7, 17, 3},   {13, 32, 5},
    {14, 32, 64}, {15, 31, 33}, {31, 33, 1},   {33, 31, 127},  {127, 3, 31}, {29, 257, 9},
    {127, 33, 7}, {31, 50, 2},  {5, 49, 1030}, {20, 18, 2049}, {700, 5, 6},  {2, 1, 1030},
};

// op(A)[m, k], op(B)[k, n], C[m, n] and a saved output, each with NaN between its rows and begun
// off alignment.
struct Problem {
  bool transpose_a, transpose_b;
  int64_t m, n, k, lda, ldb, ldc, ld_saved;
  Buffer a, b, c, bias, saved;

  Problem(const Shape& shape, bool ta, bool tb, int64_t padding = 3)
      : transpose_a(ta),
        transpose_b(tb),
        m(shape.m),
        n(shape.n),
        k(shape.k),
        lda((ta ? m : k) + padding),
        ldb((tb ? k : n) + padding),
        ldc(n + padding),
        ld_saved(n + (padding == 1 ? 0 : 2)),
        a((ta ? k : m) * lda, 1),
        b((tb ? n : k) * ldb, 3),
        c(m * ldc, 5),
        bias(random_values(n, 0.5, 7), 2),
        saved(m * ld_saved, 1) {
    fill(a, ta ? k : m, ta ? m : k, lda, 1);
    fill(b, tb ? n : k, tb ? k : n, ldb, 2);
    fill(saved, m, n, ld_saved, 3);
  }

  // Normal values, in rows `step` apart.
  static void fill(Buffer& x, int64_t rows, int64_t columns, int64_t step, uint32_t seed) {
    const std::vector<float> values = random_values(rows * columns, 1.0, seed);
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = 0; j < columns; ++j) x[i * step + j] = values[size_t(i * columns + j)];
    }
  }

  float& a_at(int64_t i, int64_t p) { return a[transpose_a ? p * lda + i : i * lda + p]; }
  float& b_at(int64_t p, int64_t j) { return b[transpose_b ? j * ldb + p : p * ldb + j]; }

  oracle::GemmSum sum(int64_t i, int64_t j) {
    return oracle::gemm_sum(
        k, [&](int64_t p) { return a_at(i, p); }, [&](int64_t p) { return b_at(p, j); });
  }

  void run(const GemmEpilogue& epilogue) {
    cpu::gemm(transpose_a, transpose_b, m, n, k, a.data(), lda, b.data(), ldb, c.data(), ldc,
              epilogue, {});
  }
  void run_naive(const GemmEpilogue& epilogue) {
    cpu::gemm_naive(transpose_a, transpose_b, m, n, k, a.data(), lda, b.data(), ldb, c.data(), ldc,
                    epilogue, {});
  }
  void run_on(const cpu::detail::MicroKernel& kernel, const GemmEpilogue& epilogue) {
    cpu::detail::gemm_on(kernel, transpose_a, transpose_b, m, n, k, a.data(), lda, b.data(), ldb,
                         c.data(), ldc, epilogue);
  }
  bool is_matrix_vector() const { return (n == 1 && !transpose_a) || (m == 1 && transpose_b); }
  // Rounding of a sum of k terms, and of the few operations after it.
  double ulps() const { return 0.5 * double(k) + 6.0; }
  std::string name() const {
    return "gemm " + std::string(transpose_a ? "T" : "N") + (transpose_b ? "T " : "N ") +
           std::to_string(m) + " " + std::to_string(n) + " " + std::to_string(k);
  }
  // What lies between the rows of C must be the NaN that was put there.
  void check_gaps() const {
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t j = n; j < ldc; ++j) EXPECT_TRUE(std::isnan(c[i * ldc + j])) << name();
    }
  }
};

template <class Body>
void for_each_transpose(const Body& body) {
  for (const bool ta : {false, true}) {
    for (const bool tb : {false, true}) body(ta, tb);
  }
}

bool same_bits(const std::vector<float>& x, const std::vector<float>& y) {
  return x.size() == y.size() && std::memcmp(x.data(), y.data(), x.size() * sizeof(float)) == 0;
}

TEST(Gemm, ProductIsTheOracle) {
  for (const Shape& shape : kShapes) {
    for_each_transpose([&](bool ta, bool tb) {
      Problem x(shape, ta, tb, (shape.m + shape.n) % 2);  // rows without a gap, too
      x.run({});
      for (int64_t i = 0; i < x.m; ++i) {
        for (int64_t j = 0; j < x.n; ++j) {
          const oracle::GemmSum sum = x.sum(i, j);
          expect_close(x.c[i * x.ldc + j], sum.value, x.ulps(), sum.magnitude, x.name().c_str());
        }
      }
      x.check_gaps();
    });
  }
}

// bias and activation, or the derivative of a saved output; overwriting and accumulating.
TEST(Gemm, EpilogueIsTheOracle) {
  for (const Shape& shape : kShapes) {
    for (const Activation activation : kActivations) {
      for (int mode = 0; mode < 8; ++mode) {
        const bool derivative = (mode & 1) != 0, accumulate = (mode & 2) != 0,
                   bias = (mode & 4) != 0;
        if (derivative && bias) continue;
        // Rows without a gap in one mode of three: a column of C is then contiguous.
        Problem x(shape, mode == 2, mode < 4, mode % 3);
        for (int64_t i = 0; i < x.saved.size(); i += 5) x.saved[i] = 0.0f;  // the kink
        if (activation == Activation::sigmoid || activation == Activation::tanh) {
          for (int64_t i = 0; i < x.saved.size(); ++i) {  // outputs that the activation can have
            x.saved[i] = float(oracle::gemm_activation(letter(activation), x.saved[i], kSlope));
          }
        }
        if (accumulate) Problem::fill(x.c, x.m, x.n, x.ldc, 9);
        const std::vector<float> before = x.c.values();
        GemmEpilogue epilogue;
        epilogue.activation = activation;
        epilogue.slope = kSlope;
        epilogue.accumulate = accumulate;
        if (bias) epilogue.bias = x.bias.data();
        if (derivative) {
          epilogue.derivative_output = x.saved.data();
          epilogue.ld_derivative = x.ld_saved;
        }
        x.run(epilogue);
        for (int64_t i = 0; i < x.m; ++i) {
          for (int64_t j = 0; j < x.n; ++j) {
            const int64_t at = i * x.ldc + j;
            const oracle::GemmSum sum = x.sum(i, j);
            double expected = sum.value;
            double magnitude = sum.magnitude;
            if (derivative) {
              expected *=
                  oracle::gemm_derivative(letter(activation), x.saved[i * x.ld_saved + j], kSlope);
            } else {
              if (bias) expected += x.bias[j], magnitude += std::abs(x.bias[j]);
              expected = oracle::gemm_activation(letter(activation), expected, kSlope);
              magnitude += 1.0;
            }
            if (accumulate) {
              expected += before[size_t(at)];
              magnitude += std::abs(before[size_t(at)]);
            }
            expect_close(x.c[at], expected, x.ulps(), magnitude, x.name().c_str());
          }
        }
        x.check_gaps();
      }
    }
  }
}

// d/du of sum G * (activation(u) W^T), the dX of a layer times the derivative of the one below.
TEST(Gemm, DerivativeEpilogueIsTheFiniteDifference) {
  const int64_t batch = 5, in = 19, out = 7;
  for (const Activation activation : kActivations) {
    const Buffer u(random_values(batch * in, 1.0, 1)), w(random_values(out * in, 1.0, 2));
    const Buffer g(random_values(batch * out, 1.0, 3));
    Buffer y(batch * in), d_u(batch * in);
    for (int64_t i = 0; i < batch * in; ++i) y[i] = apply_activation(activation, u[i], kSlope);
    GemmEpilogue epilogue;
    epilogue.activation = activation;
    epilogue.slope = kSlope;
    epilogue.derivative_output = y.data();
    epilogue.ld_derivative = in;
    cpu::gemm(false, false, batch, in, out, g.data(), out, w.data(), in, d_u.data(), in, epilogue,
              {});
    for (int64_t i = 0; i < batch; ++i) {
      for (int64_t j = 0; j < in; ++j) {
        if (std::abs(u[i * in + j]) < 1e-3) continue;  // the kink
        const auto loss = [&](double v) {
          const double h = oracle::gemm_activation(letter(activation), v, kSlope);
          double sum = 0.0;
          for (int64_t o = 0; o < out; ++o) sum += double(g[i * out + o]) * w[o * in + j] * h;
          return sum;
        };
        EXPECT_NEAR(d_u[i * in + j], numeric_derivative(loss, u[i * in + j]), 2e-5);
      }
    }
  }
}

TEST(Gemm, EqualsTheNaiveTwinBitForBit) {
  for (const Shape& shape : kShapes) {
    for_each_transpose([&](bool ta, bool tb) {
      Problem x(shape, ta, tb);
      if (x.is_matrix_vector()) return;  // another order of summation, by contract
      for (const Activation activation : kActivations) {
        GemmEpilogue epilogue;
        epilogue.bias = x.bias.data();
        epilogue.activation = activation;
        x.c.poison();
        x.run(epilogue);
        const std::vector<float> fast = x.c.values();
        x.c.poison();
        x.run_naive(epilogue);
        EXPECT_TRUE(same_bits(fast, x.c.values())) << x.name();
      }
    });
  }
}

TEST(Gemm, InstructionSetsAgreeBitForBit) {
  std::vector<const cpu::detail::MicroKernel*> kernels = {cpu::detail::microkernel_portable()};
  for (const auto* kernel : {cpu::detail::microkernel_avx2(), cpu::detail::microkernel_avx512()}) {
    if (kernel != nullptr) kernels.push_back(kernel);
  }
  if (kernels.size() == 1) GTEST_SKIP() << "only the portable set runs here";
  for (const Shape& shape : kShapes) {
    for_each_transpose([&](bool ta, bool tb) {
      for (const Activation activation : kActivations) {
        for (int mode = 0; mode < 4; ++mode) {
          Problem x(shape, ta, tb);
          GemmEpilogue epilogue;
          epilogue.activation = activation;
          epilogue.bias = (mode & 1) != 0 ? nullptr : x.bias.data();
          epilogue.derivative_output = (mode & 1) != 0 ? x.saved.data() : nullptr;
          epilogue.ld_derivative = x.ld_saved;
          epilogue.accumulate = (mode & 2) != 0;
          std::vector<float> first;
          for (const auto* kernel : kernels) {
            Problem::fill(x.c, x.m, x.n, x.ldc, 9);
            x.run_on(*kernel, epilogue);
            if (first.empty()) first = x.c.values();
            EXPECT_TRUE(same_bits(first, x.c.values())) << x.name() << " on " << kernel->name;
          }
        }
      }
    });
  }
}

TEST(Gemm, ThreadsDoNotChangeTheBits) {
  std::vector<Shape> shapes = kShapes;
  shapes.insert(shapes.end(), {{256, 200, 129}, {600, 70, 50}, {1000, 1, 784}, {1, 900, 500}});
  for (const Shape& shape : shapes) {
    for_each_transpose([&](bool ta, bool tb) {
      Problem x(shape, ta, tb);
      GemmEpilogue epilogue;
      epilogue.bias = x.bias.data();
      epilogue.activation = Activation::tanh;
      cpu::set_threads(1);
      x.run(epilogue);
      const std::vector<float> one = x.c.values();
      x.c.poison();
      cpu::set_threads(3);
      x.run(epilogue);
      cpu::set_threads(1);
      EXPECT_TRUE(same_bits(one, x.c.values())) << x.name();
    });
  }
}

TEST(Gemm, EmptyProducts) {
  for_each_transpose([](bool ta, bool tb) {
    Problem none({3, 5, 0}, ta, tb);
    GemmEpilogue epilogue;
    epilogue.bias = none.bias.data();
    cpu::gemm(ta, tb, 3, 5, 0, nullptr, none.lda, nullptr, none.ldb, none.c.data(), none.ldc,
              epilogue, {});
    for (int64_t i = 0; i < 3; ++i) {
      for (int64_t j = 0; j < 5; ++j) EXPECT_EQ(none.c[i * none.ldc + j], none.bias[j]);
    }
    none.check_gaps();
    for (const int64_t rows : {1, 40}) {  // n = 1: a column of epilogue(0)
      Buffer column(rows);
      cpu::gemm(ta, tb, rows, 1, 0, nullptr, rows, nullptr, 1, column.data(), 1, epilogue, {});
      for (int64_t i = 0; i < rows; ++i) EXPECT_EQ(column[i], none.bias[0]);
    }
    cpu::gemm(ta, tb, 0, 5, 3, nullptr, 5, none.b.data(), 5, nullptr, 5, {}, {});
    cpu::gemm(ta, tb, 5, 0, 3, none.a.data(), 5, nullptr, 5, nullptr, 5, {}, {});
  });
}

// One infinity or NaN reaches its own row or column, whole, and nothing else: no zero hides it and
// no padding lets it through.
TEST(Gemm, ExtremeValuesReachTheirRowAndColumnOnly) {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const Shape& shape : std::vector<Shape>{{15, 37, 33}, {29, 1, 40}, {1, 45, 31}}) {
    for_each_transpose([&](bool ta, bool tb) {
      for (const float extreme : {infinity, -infinity, NAN}) {
        Problem x(shape, ta, tb);
        const int64_t row = x.m / 2, column = x.n / 3, p = x.k - 1;
        x.a_at(row, p) = extreme;
        x.b_at(0, column) = extreme;
        if (x.n > 1) x.b_at(p, x.n - 1) = 0.0f;  // infinity * 0
        x.run({});
        for (int64_t i = 0; i < x.m; ++i) {
          for (int64_t j = 0; j < x.n; ++j) {
            expect_close(x.c[i * x.ldc + j], x.sum(i, j).value, x.ulps(), x.sum(i, j).magnitude,
                         x.name().c_str());
            EXPECT_EQ(std::isfinite(x.c[i * x.ldc + j]), i != row && j != column) << x.name();
          }
        }
      }
    });
  }
}

TEST(Gemm, OverflowAndDenormals) {
  Problem x({17, 35, 8}, false, true);
  for (int64_t i = 0; i < x.m; ++i) {
    for (int64_t p = 0; p < x.k; ++p) x.a_at(i, p) = i == 0 ? 3e38f : 1e-30f;
  }
  for (int64_t j = 0; j < x.n; ++j) {
    for (int64_t p = 0; p < x.k; ++p) x.b_at(p, j) = j == 0 ? 4.0f : 1e-12f;
  }
  x.run({});
  for (int64_t i = 0; i < x.m; ++i) {
    for (int64_t j = 0; j < x.n; ++j) {
      const float c = x.c[i * x.ldc + j];
      if (i == 0 && j == 0) {
        EXPECT_EQ(c, std::numeric_limits<float>::infinity());
      } else {
        expect_close(c, x.sum(i, j).value, x.ulps(), x.sum(i, j).magnitude);
        EXPECT_GT(c, 0.0f);  // 8e-42: kept, not flushed to zero
      }
    }
  }
}

// A product that rounds to -0 stays -0, in every way that a tile is finished.
TEST(Gemm, SignedZeros) {
  Problem x({17, 77, 1}, false, true);
  for (int64_t i = 0; i < x.m; ++i) x.a_at(i, 0) = -1e-30f;
  for (int64_t j = 0; j < x.n; ++j) x.b_at(0, j) = 1e-30f;
  for (const Activation activation : {Activation::none, Activation::leaky_relu}) {
    GemmEpilogue epilogue;
    epilogue.activation = activation;
    x.c.poison();
    x.run(epilogue);
    for (int64_t i = 0; i < x.m; ++i) {
      for (int64_t j = 0; j < x.n; ++j) {
        EXPECT_EQ(x.c[i * x.ldc + j], 0.0f);
        EXPECT_TRUE(std::signbit(x.c[i * x.ldc + j]));
      }
    }
  }
}

// The saved output may be the very buffer that is written.
TEST(Gemm, DerivativeInPlace) {
  Problem x({31, 50, 40}, false, false);
  GemmEpilogue epilogue;
  epilogue.activation = Activation::tanh;
  epilogue.derivative_output = x.saved.data();
  epilogue.ld_derivative = x.ld_saved;
  x.run(epilogue);
  const std::vector<float> apart = x.c.values();
  for (int64_t i = 0; i < x.m; ++i) {
    for (int64_t j = 0; j < x.n; ++j) x.c[i * x.ldc + j] = x.saved[i * x.ld_saved + j];
  }
  epilogue.derivative_output = x.c.data();
  epilogue.ld_derivative = x.ldc;
  x.run(epilogue);
  EXPECT_TRUE(same_bits(apart, x.c.values()));
}

TEST(Gemm, InstructionSetIsTheBestOrTheOneAskedFor) {
  const char* wish = std::getenv("BURIN_SIMD");
  const std::string chosen = cpu::gemm_instruction_set();
  if (wish != nullptr) {
    const std::string asked = wish;
    EXPECT_TRUE(asked != "portable" || chosen == "portable") << chosen;
    EXPECT_TRUE(asked != "avx2" || chosen != "avx512") << chosen;
  } else if (cpu::detail::microkernel_avx512() != nullptr) {
    EXPECT_EQ(chosen, "avx512");
  }
}

}  // namespace
}  // namespace burin::test
