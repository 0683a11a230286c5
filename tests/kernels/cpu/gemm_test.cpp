#include "kernels/gemm/gemm.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "kernels/common/parallel.h"
#include "tests/kernels/cpu/gemm_problem.h"

namespace burin::test {
namespace {

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

// What a product may do to its sums: a bias, nothing, or a derivative; instead of C or added to it.
template <class Check>
void for_each_end(const Problem& x, const Check& check) {
  for (const Activation activation : kActivations) {
    for (const bool accumulate : {false, true}) {
      GemmEpilogue epilogue;
      epilogue.activation = activation;
      epilogue.accumulate = accumulate;
      check(epilogue);
      epilogue.bias = x.bias.data();
      check(epilogue);
      epilogue.bias = nullptr;
      epilogue.derivative_output = x.saved.data();
      epilogue.ld_derivative = x.ld_saved;
      check(epilogue);
    }
  }
}

TEST(Gemm, EqualsTheNaiveTwinBitForBit) {
  for (const Shape& shape : kShapes) {
    for_each_transpose([&](bool ta, bool tb) {
      Problem x(shape, ta, tb);
      if (x.is_matrix_vector()) return;  // another order of summation, by contract
      for_each_end(x, [&](const GemmEpilogue& epilogue) {
        Problem::fill(x.c, x.m, x.n, x.ldc, 9);
        x.run(epilogue);
        const std::vector<float> fast = x.c.values();
        Problem::fill(x.c, x.m, x.n, x.ldc, 9);
        x.run_naive(epilogue);
        EXPECT_TRUE(same_bits(fast, x.c.values())) << x.name();
      });
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
      Problem x(shape, ta, tb);
      for_each_end(x, [&](const GemmEpilogue& epilogue) {
        std::vector<float> first;
        for (const auto* kernel : kernels) {
          Problem::fill(x.c, x.m, x.n, x.ldc, 9);
          x.run_on(*kernel, epilogue);
          if (first.empty()) first = x.c.values();
          EXPECT_TRUE(same_bits(first, x.c.values())) << x.name() << " on " << kernel->name;
        }
      });
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

// A vector whose elements are apart has the sums of one that is contiguous, also where it is too
// long for a copy.
TEST(Gemm, VectorsThatAreApartHaveTheSameBits) {
  for (const int64_t k : {257, 32768, 32769, 40003}) {
    const int64_t m = 3, step = 2;
    const std::vector<float> values = random_values(k, 1.0, 2);
    const Buffer matrix(random_values(m * k)), vector(values);
    Buffer apart(k * step), near_column(m), column(m), near_row(m), row(m);
    for (int64_t p = 0; p < k; ++p) apart[p * step] = values[size_t(p)];
    const float bias[] = {0.5f, -0.25f, 3.0f};
    GemmEpilogue epilogue;
    epilogue.bias = bias;
    cpu::gemm(false, false, m, 1, k, matrix.data(), k, vector.data(), 1, near_column.data(), 1,
              epilogue, {});
    cpu::gemm(false, false, m, 1, k, matrix.data(), k, apart.data(), step, column.data(), 1,
              epilogue, {});
    EXPECT_EQ(column.values(), near_column.values()) << k;
    cpu::gemm(true, true, 1, m, k, vector.data(), 1, matrix.data(), k, near_row.data(), m, epilogue,
              {});
    cpu::gemm(true, true, 1, m, k, apart.data(), step, matrix.data(), k, row.data(), m, epilogue,
              {});
    EXPECT_EQ(row.values(), near_row.values()) << k;
  }
}

// Sums whose terms all vanish to -0, in a product of matrix and vector that ends within a register.
TEST(Gemm, ChainsWithoutATermAtTheEndStayNegativeZero) {
  for (const auto* kernel : {cpu::detail::microkernel_portable(), cpu::detail::microkernel_avx2(),
                             cpu::detail::microkernel_avx512()}) {
    if (kernel == nullptr) continue;
    for (const int64_t k : {32, 36, 61}) {
      const Buffer a(std::vector<float>(size_t(k), -1e-30f));
      const Buffer b(std::vector<float>(size_t(k), 1e-30f));
      Buffer c(1);
      cpu::detail::gemm_on(*kernel, false, false, 1, 1, k, a.data(), k, b.data(), 1, c.data(), 1,
                           {});
      EXPECT_TRUE(c[0] == 0.0f && std::signbit(c[0])) << kernel->name << " " << k;
    }
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
