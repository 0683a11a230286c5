// What the tests of the matrix product on the CPU share: shapes, and products in buffers.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "kernels/gemm/gemm.h"
#include "kernels/gemm/gemm_microkernel.h"
#include "tests/oracle.h"
#include "tests/support/kernel_case.h"

namespace burin::test {

inline constexpr float kSlope = 0.2f;
inline const std::vector<Activation> kActivations = {Activation::none, Activation::leaky_relu,
                                                     Activation::sigmoid, Activation::tanh};

inline char letter(Activation activation) {
  return "nlst"[static_cast<int>(activation)];
}

struct Shape {
  int64_t m, n, k;
};

// Every remainder of the tiles (14 x 32, 6 x 16, 4 x 16), every special path, more than one pass
// over k (1030 > 1024), more than one group of rows (700 > 512).
inline const std::vector<Shape> kShapes = {
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

inline bool same_bits(const std::vector<float>& x, const std::vector<float>& y) {
  return x.size() == y.size() && std::memcmp(x.data(), y.data(), x.size() * sizeof(float)) == 0;
}

}  // namespace burin::test
