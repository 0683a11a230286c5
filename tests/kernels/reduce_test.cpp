#include "kernels/reduce/reduce.h"

#include "tests/support/kernel_case.h"

namespace burin::test {
namespace {

class Reduce : public TwinTest {};

TEST_F(Reduce, ZeroCountCountsExactZeros) {
  for (const int64_t n : {33, 4097, 100352}) {
    std::vector<float> values = random_values(n);
    int64_t expected = 0;
    const float planted[] = {0.0f, -0.0f, 1e-45f, -1e-45f, NAN, 1e-30f};
    for (int64_t i = 0; i < n; i += 3) {
      values[size_t(i)] = planted[i / 3 % 6];
      expected += i / 3 % 6 < 2 ? 1 : 0;
    }
    const Buffer x(values);
    BufferOf<int64_t> count(1);
    twin::zero_count(x.data(), n, count.data(), {});
    EXPECT_EQ(count[0], expected) << n;
  }
  const Buffer zeros(std::vector<float>(100352, -0.0f));
  BufferOf<int64_t> count(1);
  twin::zero_count(zeros.data(), zeros.size(), count.data(), {});
  EXPECT_EQ(count[0], zeros.size());
}

TEST_F(Reduce, OfNothingIsZero) {
  Buffer out(3);
  BufferOf<int64_t> count(1);
  twin::sum(nullptr, 0, 2.0f, out.data(), {});
  twin::abs_sum(nullptr, 0, out.data() + 1, {});
  twin::sum_of_squares(nullptr, 0, out.data() + 2, {});
  twin::zero_count(nullptr, 0, count.data(), {});
  EXPECT_EQ(out.values(), (std::vector<float>{0.0f, 0.0f, 0.0f}));
  EXPECT_EQ(count[0], 0);
}

TEST_F(Reduce, LargeTermsThatCancelLeaveTheSmallOnes) {
  // In single precision the 1 would be lost beside 1e8.
  const Buffer x({1e8f, 1.0f, -1e8f});
  Buffer out(1);
  twin::sum(x.data(), 3, 1.0f, out.data(), {});
  EXPECT_EQ(out[0], 1.0f);
  // Neither a square nor their sum fits in a float.
  const Buffer large(std::vector<float>{1e25f, -1e25f});
  twin::sum_of_squares(large.data(), 2, out.data(), {});
  EXPECT_EQ(out[0], std::numeric_limits<float>::infinity());
  twin::abs_sum(large.data(), 2, out.data(), {});
  EXPECT_EQ(out[0], 2e25f);
}

TEST_F(Reduce, NanAndInfinityAreSeen) {
  for (const int64_t at : {0, 63, 127, 4096, 100351}) {
    std::vector<float> values = random_values(100352);
    values[size_t(at)] = NAN;
    const Buffer x(values);
    Buffer out(3);
    twin::sum(x.data(), x.size(), 1.0f, out.data(), {});
    twin::abs_sum(x.data(), x.size(), out.data() + 1, {});
    twin::sum_of_squares(x.data(), x.size(), out.data() + 2, {});
    for (int64_t i = 0; i < 3; ++i) EXPECT_TRUE(std::isnan(out[i])) << at;
  }
}

TEST_F(Reduce, InfinitiesAndOverflow) {
  const float infinity = std::numeric_limits<float>::infinity();
  const auto sums = [](const std::vector<float>& values) {
    const Buffer x(values);
    Buffer out(2);
    twin::sum(x.data(), x.size(), 1.0f, out.data(), {});
    twin::sum_of_squares(x.data(), x.size(), out.data() + 1, {});
    return out.values();
  };
  EXPECT_EQ(sums({3e38f, 3e38f, -3e38f, -3e38f})[0], 0.0f);
  EXPECT_EQ(sums({3e38f, 3e38f}), (std::vector<float>{infinity, infinity}));
  EXPECT_EQ(sums({1e-42f, 2e-42f}), (std::vector<float>{1e-42f + 2e-42f, 0.0f}));
  EXPECT_EQ(sums({infinity, 1.0f}), (std::vector<float>{infinity, infinity}));
  EXPECT_TRUE(std::isnan(sums({infinity, -infinity})[0]));
}

// The order of a sum depends on indices alone.
TEST_F(Reduce, TheAddressDoesNotChangeTheBits) {
  const std::vector<float> values = random_values(1 << 20);
  const Buffer x(values, 0), shifted(values, 1);
  Buffer out(2);
  twin::sum(x.data(), x.size(), 1.0f, out.data(), {});
  twin::sum(shifted.data(), x.size(), 1.0f, out.data() + 1, {});
  EXPECT_EQ(out[0], out[1]);
}

TEST_F(Reduce, ColumnSumReadsNoPadding) {
  const int64_t rows = 5, cols = 3, ld = 7;
  std::vector<float> values(size_t(rows * ld), NAN);
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < cols; ++j) values[size_t(i * ld + j)] = float(i + 10 * j);
  }
  const Buffer x(values);
  Buffer out(cols);
  twin::column_sum(x.data(), rows, cols, ld, out.data(), false, {});
  EXPECT_EQ(out.values(), (std::vector<float>{10.0f, 60.0f, 110.0f}));
}

}  // namespace
}  // namespace burin::test
