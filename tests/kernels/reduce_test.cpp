#include "kernels/reduce/reduce.h"

#include <gtest/gtest.h>

#include "kernels/common/parallel.h"
#include "tests/oracle.h"
#include "tests/support/kernel_case.h"

namespace burin::test {
namespace {

// Sums are made in double and rounded once: half a unit in the last place, and as much to spare.
constexpr double kUlps = 1.0;

// Beside the usual sizes: around a lane block, a chunk, a task, and more than 64 tasks.
std::vector<int64_t> sizes() {
  std::vector<int64_t> all = kSizes;
  all.insert(all.end(), {128, 4095, 4096, 4097, 32769, 64 * 32768 + 5, 2500000});
  return all;
}

TEST(Reduce, SumIsTheOracle) {
  for (const int64_t n : sizes()) {
    const Buffer x(random_values(n), n % 4);
    Buffer out(1);
    cpu::sum(x.data(), n, -0.37f, out.data(), {});
    expect_close(out[0], double(-0.37f) * oracle::sum(x.values()), kUlps, 0.0, "sum");
  }
}

TEST(Reduce, AbsSumIsTheOracle) {
  for (const int64_t n : sizes()) {
    const Buffer x(random_values(n), n % 4);
    Buffer out(1);
    cpu::abs_sum(x.data(), n, out.data(), {});
    expect_close(out[0], oracle::abs_sum(x.values()), kUlps, 0.0, "abs_sum");
  }
}

TEST(Reduce, SumOfSquaresIsTheOracle) {
  for (const int64_t n : sizes()) {
    const Buffer x(random_values(n), n % 4);
    Buffer out(1);
    cpu::sum_of_squares(x.data(), n, out.data(), {});
    expect_close(out[0], oracle::sum_of_squares(x.values()), kUlps, 0.0, "sum_of_squares");
  }
}

TEST(Reduce, ZeroCountCountsExactZeros) {
  for (const int64_t n : sizes()) {
    std::vector<float> values = random_values(n);
    int64_t expected = 0;
    const float planted[] = {0.0f, -0.0f, 1e-45f, -1e-45f, NAN, 1e-30f};
    for (int64_t i = 0; i < n; i += 3) {
      values[size_t(i)] = planted[i / 3 % 6];
      expected += i / 3 % 6 < 2 ? 1 : 0;
    }
    const Buffer x(values);
    int64_t count = -1;
    cpu::zero_count(x.data(), n, &count, {});
    EXPECT_EQ(count, expected) << n;
  }
  const Buffer zeros(std::vector<float>(100352, -0.0f));
  int64_t count = -1;
  cpu::zero_count(zeros.data(), zeros.size(), &count, {});
  EXPECT_EQ(count, zeros.size());
}

TEST(Reduce, OfNothingIsZero) {
  Buffer out(3);
  int64_t count = -1;
  cpu::sum(nullptr, 0, 2.0f, &out[0], {});
  cpu::abs_sum(nullptr, 0, &out[1], {});
  cpu::sum_of_squares(nullptr, 0, &out[2], {});
  cpu::zero_count(nullptr, 0, &count, {});
  EXPECT_EQ(out.values(), (std::vector<float>{0.0f, 0.0f, 0.0f}));
  EXPECT_EQ(count, 0);
}

TEST(Reduce, LargeTermsThatCancelLeaveTheSmallOnes) {
  // In single precision the 1 would be lost beside 1e8.
  const Buffer x({1e8f, 1.0f, -1e8f});
  Buffer out(1);
  cpu::sum(x.data(), 3, 1.0f, out.data(), {});
  EXPECT_EQ(out[0], 1.0f);
  // Neither a square nor their sum fits in a float.
  const Buffer large(std::vector<float>{1e25f, -1e25f});
  cpu::sum_of_squares(large.data(), 2, out.data(), {});
  EXPECT_EQ(out[0], std::numeric_limits<float>::infinity());
  cpu::abs_sum(large.data(), 2, out.data(), {});
  EXPECT_EQ(out[0], 2e25f);
}

TEST(Reduce, NanAndInfinityAreSeen) {
  for (const int64_t at : {0, 63, 127, 4096, 100351}) {
    std::vector<float> values = random_values(100352);
    values[size_t(at)] = NAN;
    const Buffer x(values);
    Buffer out(3);
    cpu::sum(x.data(), x.size(), 1.0f, &out[0], {});
    cpu::abs_sum(x.data(), x.size(), &out[1], {});
    cpu::sum_of_squares(x.data(), x.size(), &out[2], {});
    for (int64_t i = 0; i < 3; ++i) EXPECT_TRUE(std::isnan(out[i])) << at;
  }
}

TEST(Reduce, ColumnSumIsTheOracle) {
  for (const int64_t rows : {0, 1, 2, 31, 128, 257}) {
    for (const int64_t cols : {1, 3, 31, 63, 64, 65, 257, 784}) {
      for (const int64_t padding : {0, 5}) {
        const int64_t ld = cols + padding;
        const Buffer x(random_values(std::max<int64_t>(1, rows * ld)));
        Buffer fresh(cols, 3), added(random_values(cols, 1.0, 2));
        const std::vector<float> before = added.values();
        cpu::column_sum(x.data(), rows, cols, ld, fresh.data(), false, {});
        cpu::column_sum(x.data(), rows, cols, ld, added.data(), true, {});
        for (int64_t j = 0; j < cols; ++j) {
          expect_close(fresh[j], oracle::column_sum(x.data(), rows, ld, j), kUlps, 0.0, "column");
          EXPECT_EQ(added[j], before[size_t(j)] + fresh[j]);
        }
      }
    }
  }
}

TEST(Reduce, ColumnSumReadsNoPadding) {
  const int64_t rows = 5, cols = 3, ld = 7;
  std::vector<float> values(size_t(rows * ld), NAN);
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < cols; ++j) values[size_t(i * ld + j)] = float(i + 10 * j);
  }
  const Buffer x(values);
  Buffer out(cols);
  cpu::column_sum(x.data(), rows, cols, ld, out.data(), false, {});
  EXPECT_EQ(out.values(), (std::vector<float>{10.0f, 60.0f, 110.0f}));
}

TEST(Reduce, ThreadsDoNotChangeTheBits) {
  const int64_t n = 64 * 32768 + 5, rows = 300, cols = 1000;
  const Buffer x(random_values(n));
  std::vector<std::vector<float>> results;
  std::vector<int64_t> counts;
  for (const int threads : {1, 2, 3}) {
    cpu::set_threads(threads);
    Buffer out(3 + cols);
    int64_t count = -1;
    cpu::sum(x.data(), n, 1.0f, &out[0], {});
    cpu::abs_sum(x.data(), n, &out[1], {});
    cpu::sum_of_squares(x.data(), n, &out[2], {});
    cpu::column_sum(x.data(), rows, cols, cols, &out[3], false, {});
    cpu::zero_count(x.data(), n, &count, {});
    results.push_back(out.values());
    counts.push_back(count);
  }
  cpu::set_threads(1);
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);
  EXPECT_EQ(counts[0], counts[1]);
  EXPECT_EQ(counts[0], counts[2]);
}

}  // namespace
}  // namespace burin::test
