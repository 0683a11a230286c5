// What follows the sums of a matrix product on the CPU.
#include "kernels/reduce/reduce.h"
#include "tests/kernels/cpu/gemm_problem.h"

namespace burin::test {
namespace {

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

// The gradient of the bias beside that of the weights: the bits of column_sum, for op(A) = A^T, and
// of the same sums along rows otherwise; of the naive twin too.
TEST(GemmRowSum, HasTheBitsOfColumnSum) {
  for (const Shape& shape : kShapes) {
    for_each_transpose([&](bool ta, bool tb) {
      Problem x(shape, ta, tb);
      std::vector<float> op_a_transposed;  // [k, m]
      for (int64_t p = 0; p < x.k; ++p) {
        for (int64_t i = 0; i < x.m; ++i) op_a_transposed.push_back(x.a_at(i, p));
      }
      for (const bool accumulate : {false, true}) {
        const std::vector<float> before = random_values(x.m, 1.0, 11);
        Buffer expected(before), actual(before), naive(before);
        cpu::column_sum(op_a_transposed.data(), x.k, x.m, x.m, expected.data(), accumulate, {});
        GemmEpilogue epilogue;
        epilogue.row_sum_accumulate = accumulate;
        epilogue.row_sum = actual.data();
        x.run(epilogue);
        const std::vector<float> product = x.c.values();
        epilogue.row_sum = naive.data();
        x.run_naive(epilogue);
        EXPECT_EQ(actual.values(), expected.values()) << x.name();
        EXPECT_EQ(naive.values(), expected.values()) << x.name();
        epilogue.row_sum = nullptr;
        x.c.poison();
        x.run(epilogue);
        EXPECT_TRUE(same_bits(product, x.c.values())) << x.name();
      }
    });
  }
}

TEST(GemmRowSum, OfNothing) {
  Buffer sums(5), none(1);
  GemmEpilogue epilogue;
  epilogue.row_sum = sums.data();
  cpu::gemm(true, false, 5, 3, 0, nullptr, 5, nullptr, 3, Buffer(15).data(), 3, epilogue, {});
  EXPECT_EQ(sums.values(), std::vector<float>(5, 0.0f));
  const Buffer a(random_values(20));  // n = 0: the sums are wanted all the same
  cpu::gemm(true, false, 5, 0, 4, a.data(), 5, nullptr, 1, none.data(), 1, epilogue, {});
  EXPECT_NE(sums[0], 0.0f);
}

}  // namespace
}  // namespace burin::test
