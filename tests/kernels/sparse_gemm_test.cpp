// What the sparse product has beyond its cases: rows that lie apart, no bias, and what it does not
// see.
#include "kernels/sparse_gemm/sparse_gemm.h"

#include "tests/support/kernel_case.h"

namespace burin::test {
namespace {

class SparseGemm : public TwinTest {};

// Row 0: x0 + 2 x2. Row 1: nothing. Row 2: -x1.
struct Small {
  BufferOf<float> values{std::vector<float>{1.0f, 2.0f, -1.0f}};
  BufferOf<uint16_t> columns{std::vector<uint16_t>{0, 2, 1}};
  BufferOf<int32_t> starts{std::vector<int32_t>{0, 2, 2, 3}};
  SparseMatrix matrix() const { return {3, 3, values.data(), columns.data(), starts.data()}; }
};

TEST_F(SparseGemm, TouchesNothingBetweenItsRows) {
  const Small w;
  const BufferOf<float> x(std::vector<float>{1, 2, 3, NAN, 4, 5, 6, NAN});
  BufferOf<float> y(std::vector<float>{9, 9, 9, 77, 88, 9, 9, 9, 77, 88});
  twin::sparse_gemm(w.matrix(), x.data(), 4, 2, y.data(), 5, nullptr, Activation::none, 0.2f, {});
  expect_same_bits(y.values(), {7, 0, -2, 77, 88, 16, 0, -5, 77, 88});
}

TEST_F(SparseGemm, AnInfinityThatMeetsNoWeightIsNotSeen) {
  const Small w;
  const BufferOf<float> x(std::vector<float>{1, INFINITY, 3, INFINITY, 5, NAN});
  BufferOf<float> y(6);
  twin::sparse_gemm(w.matrix(), x.data(), 3, 2, y.data(), 3, nullptr, Activation::none, 0.2f, {});
  expect_same_bits(y.values(), {7, 0, -INFINITY, NAN, 0, -5});
}

TEST_F(SparseGemm, AMatrixOfZerosGivesTheBias) {
  const BufferOf<float> values(std::vector<float>{}), bias(std::vector<float>{-1, 2, -0.0f});
  const BufferOf<uint16_t> columns(std::vector<uint16_t>{});
  const BufferOf<int32_t> starts(std::vector<int32_t>{0, 0, 0, 0});
  const BufferOf<float> x(random_values(40 * 5));
  BufferOf<float> y(40 * 3);
  twin::sparse_gemm({3, 5, values.data(), columns.data(), starts.data()}, x.data(), 5, 40, y.data(),
                    3, bias.data(), Activation::leaky_relu, 0.5f, {});
  for (int64_t i = 0; i < 40; ++i) {
    EXPECT_EQ(y[3 * i], -0.5f);
    EXPECT_EQ(y[3 * i + 1], 2.0f);
    EXPECT_EQ(y[3 * i + 2], 0.0f);
  }
}

}  // namespace
}  // namespace burin::test
