// Products that walk ones: the bits of the dense ones, on every instruction set.
#include "kernels/gemm/gemm_ones.h"

#include "kernels/common/parallel.h"
#include "tests/kernels/cpu/gemm_problem.h"

namespace burin::test {
namespace {

struct Binary {
  int64_t rows, cols;
  Buffer x;
  std::vector<uint16_t> columns;
  std::vector<int32_t> counts;
  cpu::OnesIndex index;
  bool indexed;

  Binary(int64_t r, int64_t c, double density, uint32_t seed = 5)
      : rows(r),
        cols(c),
        x(r * c),
        columns(size_t(r * cpu::OnesIndex::stride_of(c)), 0xffff),
        counts(size_t(r), -1),
        index{r, c, columns.data(), counts.data()} {
    std::mt19937 engine(seed);
    std::bernoulli_distribution one(density);
    for (int64_t i = 0; i < r * c; ++i) x[i] = one(engine) ? 1.0f : 0.0f;
    indexed = cpu::index_ones(x.data(), index);
  }
};

std::vector<const cpu::detail::MicroKernel*> kernels() {
  std::vector<const cpu::detail::MicroKernel*> found;
  for (const auto* kernel : {cpu::detail::microkernel_portable(), cpu::detail::microkernel_avx2(),
                             cpu::detail::microkernel_avx512()}) {
    if (kernel != nullptr) found.push_back(kernel);
  }
  return found;
}

// Odd sizes; more rows than are finished together (1030 > 512); rows that do not come by fours.
const std::vector<Shape> kSizes = {{2, 2, 1},    {3, 5, 7},     {4, 16, 8},     {5, 17, 31},
                                   {128, 33, 9}, {31, 40, 785}, {1030, 13, 17}, {6, 20, 2047}};

TEST(GemmOnes, IndexListsTheOnes) {
  for (const double density : {0.0, 0.13, 0.2}) {
    const Binary b(103, 785, density);
    ASSERT_TRUE(b.indexed);
    for (int64_t r = 0; r < b.rows; ++r) {
      std::vector<uint16_t> expected;
      for (int64_t j = 0; j < b.cols; ++j) {
        if (b.x[r * b.cols + j] != 0.0f) expected.push_back(uint16_t(j));
      }
      const auto begin = b.columns.begin() + r * cpu::OnesIndex::stride_of(b.cols);
      EXPECT_EQ(std::vector<uint16_t>(begin, begin + b.counts[size_t(r)]), expected) << r;
    }
  }
}

TEST(GemmOnes, FullOrWideMatricesAreLeftToTheDenseProduct) {
  EXPECT_FALSE(Binary(40, 100, 0.4).indexed);
  EXPECT_FALSE(Binary(2, cpu::OnesIndex::kMaxCols + 1, 0.1).indexed);
  EXPECT_TRUE(Binary(2, cpu::OnesIndex::kMaxCols, 0.1).indexed);
}

TEST(GemmOnes, ForwardHasTheBitsOfTheDenseProduct) {
  for (const auto* kernel : kernels()) {
    for (const Shape& s : kSizes) {
      const Binary b(s.m, s.k, 0.15);
      if (!b.indexed) continue;
      const Buffer weight(random_values(s.n * s.k, 1.0, 2)), bias(random_values(s.n, 1.0, 3));
      const Buffer saved(random_values(s.m * s.n, 1.0, 4));
      for (const Activation activation : kActivations) {
        for (const bool derivative : {false, true}) {
          GemmEpilogue epilogue;
          epilogue.activation = activation;
          epilogue.slope = kSlope;
          if (derivative) {
            epilogue.derivative_output = saved.data();
            epilogue.ld_derivative = s.n;
          } else {
            epilogue.bias = bias.data();
          }
          Buffer y(s.m * s.n, 3), dense(s.m * s.n, 1);
          cpu::detail::gemm_ones_forward_on(*kernel, b.index, weight.data(), s.n, y.data(),
                                            epilogue);
          cpu::detail::gemm_on(*kernel, false, true, s.m, s.n, s.k, b.x.data(), s.k, weight.data(),
                               s.k, dense.data(), s.n, epilogue);
          EXPECT_EQ(y.values(), dense.values()) << kernel->name << " " << s.m << " " << s.n;
        }
      }
    }
  }
}

TEST(GemmOnes, WeightsHaveTheBitsOfTheDenseProduct) {
  for (const auto* kernel : kernels()) {
    for (const Shape& s : kSizes) {
      const Binary b(s.m, s.k, 0.15);
      if (!b.indexed) continue;
      const Buffer d_y(random_values(s.m * s.n, 1.0, 6), 1);
      Buffer d_weight(s.n * s.k, 2), d_bias(s.n, 1), dense(s.n * s.k), dense_bias(s.n);
      for (int64_t j = 0; j < s.n; ++j) d_bias[j] = dense_bias[j] = 0.5f;
      for (const bool accumulate : {true, false}) {
        cpu::detail::gemm_ones_weights_on(*kernel, b.index, d_y.data(), s.n, d_weight.data(),
                                          d_bias.data(), accumulate);
        GemmEpilogue epilogue;
        epilogue.row_sum = dense_bias.data();
        epilogue.row_sum_accumulate = accumulate;
        cpu::detail::gemm_on(*kernel, true, false, s.n, s.k, s.m, d_y.data(), s.n, b.x.data(), s.k,
                             dense.data(), s.k, epilogue);
        EXPECT_EQ(d_weight.values(), dense.values()) << kernel->name << " " << s.m << " " << s.n;
        EXPECT_EQ(d_bias.values(), dense_bias.values());
      }
    }
  }
}

TEST(GemmOnes, AnyNumberOfThreadsGivesTheSameBits) {
  const Binary b(128, 784, 0.13);
  const Buffer weight(random_values(200 * 784, 1.0, 2)), d_y(random_values(128 * 200, 1.0, 3));
  std::vector<float> first[2];
  for (const int threads : {1, 2, 4}) {
    cpu::set_threads(threads);
    Binary again(128, 784, 0.13);
    EXPECT_EQ(again.columns, b.columns);
    Buffer y(128 * 200), d_weight(200 * 784);
    cpu::gemm_ones_forward(again.index, weight.data(), 200, y.data(), {});
    cpu::gemm_ones_weights(again.index, d_y.data(), 200, d_weight.data(), nullptr, false);
    cpu::set_threads(1);
    if (threads == 1) {
      first[0] = y.values();
      first[1] = d_weight.values();
    }
    EXPECT_EQ(y.values(), first[0]);
    EXPECT_EQ(d_weight.values(), first[1]);
  }
}

}  // namespace
}  // namespace burin::test
