// What the tests of the matrix product on the GPU share: products on the host and their copy on the
// device, poisoned and guarded.
#pragma once

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "kernels/gemm/gemm_rungs.h"
#include "tests/oracle.h"
#include "tests/support/kernel_case.h"
#include "tests/support/twin.h"

namespace burin::test {

struct GemmShape {
  int64_t m, n, k;
};

// Where rows begin: `padding` floats between them, `offset` floats past a border. All on 16 bytes,
// or A, or B, or none.
struct GemmPlacement {
  int64_t padding_a, offset_a, padding_b, offset_b, offset_c;
};
inline const std::vector<GemmPlacement> kGemmPlacements = {
    {0, 0, 0, 0, 0}, {1, 1, 3, 2, 3}, {0, 0, 2, 1, 0}, {1, 0, 0, 4, 1}};

// op(A)[m, k], op(B)[k, n], C[m, n] and a saved output, with NaN between their rows.
struct GemmCase {
  bool ta, tb;
  int64_t m, n, k, lda, ldb, ldc, ld_saved;
  GemmPlacement at;
  std::vector<float> a, b, c, saved, bias;

  // Rows as long as `at` says, rounded up to four where its padding is 0. Values are normal, or
  // multiples of 1/4 below 2, whose products and sums are exact in any precision and order.
  GemmCase(const GemmShape& shape, bool transpose_a, bool transpose_b,
           const GemmPlacement& placement, bool exact = false)
      : ta(transpose_a), tb(transpose_b), m(shape.m), n(shape.n), k(shape.k), at(placement) {
    lda = step(ta ? m : k, at.padding_a);
    ldb = step(tb ? k : n, at.padding_b);
    ldc = step(n, at.offset_c % 4);
    ld_saved = step(n, at.offset_c % 4) + (at.offset_c % 4 == 0 ? 4 : 1);
    a = fill(ta ? k : m, ta ? m : k, lda, 1, exact);
    b = fill(tb ? n : k, tb ? k : n, ldb, 2, exact);
    saved = fill(m, n, ld_saved, 3, exact);
    bias = fill(1, n, n, 7, exact);
    c.assign(size_t(m * ldc), NAN);
  }

  static int64_t step(int64_t length, int64_t padding) {
    return padding == 0 ? (length + 3) / 4 * 4 : length + padding;
  }
  static std::vector<float> fill(int64_t rows, int64_t columns, int64_t step, uint32_t seed,
                                 bool exact = false) {
    std::vector<float> x(size_t(rows * step), NAN);
    const std::vector<float> values = random_values(rows * columns, 1.0, seed);
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = 0; j < columns; ++j) {
        float v = values[size_t(i * columns + j)];
        if (exact) v = std::round(std::fmax(-7.0f, std::fmin(7.0f, 4.0f * v))) / 4.0f;
        x[size_t(i * step + j)] = v;
      }
    }
    return x;
  }

  float& a_at(int64_t i, int64_t p) { return a[size_t(ta ? p * lda + i : i * lda + p)]; }
  float& b_at(int64_t p, int64_t j) { return b[size_t(tb ? j * ldb + p : p * ldb + j)]; }
  oracle::GemmSum sum(int64_t i, int64_t j) {
    return oracle::gemm_sum(
        k, [&](int64_t p) { return a_at(i, p); }, [&](int64_t p) { return b_at(p, j); });
  }
  std::string name() const {
    return std::string(ta ? "T" : "N") + (tb ? "T " : "N ") + std::to_string(m) + " " +
           std::to_string(n) + " " + std::to_string(k) + " placed " + std::to_string(at.offset_a) +
           std::to_string(at.offset_b) + std::to_string(at.offset_c);
  }
  bool is_matrix_vector() const { return (n == 1 && !ta) || (m == 1 && tb); }

  // Null pointers of an epilogue stay null; others mean this case's bias and saved output.
  GemmEpilogue with(GemmEpilogue epilogue, const float* its_bias, const float* its_saved) const {
    if (epilogue.bias != nullptr) epilogue.bias = its_bias;
    if (epilogue.derivative_output != nullptr) epilogue.derivative_output = its_saved;
    epilogue.ld_derivative = ld_saved;
    return epilogue;
  }

  // C after one product on the device: by cuda::gemm if `plan` is null. Checks that nothing else
  // was written.
  std::vector<float> run(const cuda::GemmPlan* plan, const GemmEpilogue& epilogue = {}) const {
    const Buffer da(a, at.offset_a), db(b, at.offset_b);
    const Buffer dbias(bias, at.offset_c), dsaved(saved, at.offset_c);
    Buffer dc(c, at.offset_c);
    const GemmEpilogue e = with(epilogue, dbias.data(), dsaved.data());
    if (plan == nullptr) {
      cuda::gemm(ta, tb, m, n, k, da.data(), lda, db.data(), ldb, dc.data(), ldc, e, {});
    } else {
      cuda::GemmPlan p = *plan;
      const int64_t floats = cuda::gemm_workspace(p, m, n, k);
      Buffer workspace(floats, at.offset_c);
      p.workspace = workspace.data();
      cuda::gemm_with(p, ta, tb, m, n, k, da.data(), lda, db.data(), ldb, dc.data(), ldc, e, {});
      cuda::check(cudaDeviceSynchronize(), "gemm");  // before the workspace goes
    }
    const std::vector<float> result = dc.values();
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t j = n; j < ldc; ++j) {
        EXPECT_TRUE(std::isnan(result[size_t(i * ldc + j)])) << name() << ": wrote between rows";
      }
    }
    return result;
  }
  template <class Gemm>
  std::vector<float> run_on_cpu(const Gemm& gemm, const GemmEpilogue& epilogue = {}) const {
    std::vector<float> result = c;
    gemm(ta, tb, m, n, k, a.data(), lda, b.data(), ldb, result.data(), ldc,
         with(epilogue, bias.data(), saved.data()), Stream{});
    return result;
  }

  // The same bits within the rows; any NaN is the same as any other.
  void expect_same(const std::vector<float>& actual, const std::vector<float>& expected,
                   const char* what) const {
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        const float x = actual[size_t(i * ldc + j)], y = expected[size_t(i * ldc + j)];
        if (std::memcmp(&x, &y, sizeof x) != 0 && !(std::isnan(x) && std::isnan(y))) {
          ADD_FAILURE() << what << " " << name() << " at " << i << ", " << j << ": " << x
                        << " instead of " << y;
          return;
        }
      }
    }
  }
};

template <class Body>
void for_each_transpose(const Body& body) {
  for (const bool ta : {false, true}) {
    for (const bool tb : {false, true}) body(ta, tb);
  }
}

}  // namespace burin::test
