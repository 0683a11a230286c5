#include "kernels/bce_logits/bce_logits.h"

#include "tests/oracle.h"
#include "tests/support/kernel_case.h"

namespace burin::test {
namespace {

// For a target in [0, 1] an element's loss is a sum of two terms that are not negative: half a unit
// for the first, under 3 for the logarithm (kernels/common/math.h), half a unit for each of the two
// roundings that follow.
constexpr double kUlps = 4.0;

class BceLogits : public TwinTest {};

// Greys, with exact zeros and ones among them.
std::vector<float> targets(int64_t n, uint32_t seed = 7) {
  std::vector<float> values = random_values(n, 0.5, seed);
  for (float& v : values) v = std::clamp(v + 0.5f, 0.0f, 1.0f);
  return values;
}

double oracle_sum(const Buffer& logits, const Buffer& target, int64_t begin, int64_t end) {
  double total = 0.0;
  for (int64_t i = begin; i < end; ++i) total += oracle::bce_logits(logits[i], target[i]);
  return total;
}

// Rows of one, so that small losses are not hidden beside large ones.
TEST_F(BceLogits, EachElementIsTheOracle) {
  std::vector<float> grid, target;
  for (const float t : {0.0f, 1.0f, 0.3f, 0.9f}) {
    for (int i = -4000; i <= 4000; ++i) {
      const double x = i / 4000.0;
      grid.push_back(static_cast<float>(1e4 * x * x * x));
      target.push_back(t);
    }
  }
  const int64_t n = int64_t(grid.size());
  const Buffer logits(grid), targets(target);
  Buffer loss(n);
  twin::bce_logits_rows(logits.data(), targets.data(), n, 1, 1, loss.data(), {});
  for (int64_t i = 0; i < n; ++i) {
    expect_close(loss[i], oracle::bce_logits(logits[i], targets[i]), kUlps, 0.0, "loss");
  }
}

TEST_F(BceLogits, ExtremeLogits) {
  const Buffer logits({1e4f, 1e4f, -1e4f, -1e4f, 0.0f, -0.0f, 1e-42f, 100.0f, -100.0f, 3e38f});
  const Buffer target({1.0f, 0.0f, 1.0f, 0.0f, 1.0f, 0.0f, 0.5f, 1.0f, 0.0f, 1.0f});
  const std::vector<float> expected = {0.0f, 1.0f, -1.0f, 0.0f, -0.5f,
                                       0.5f, 0.0f, 0.0f,  0.0f, 0.0f};
  Buffer loss(1), d_logits(logits.size());
  twin::bce_logits(logits.data(), target.data(), logits.size(), 1.0f, loss.data(), d_logits.data(),
                   {});
  expect_close(loss[0], 2e4 + 3 * std::log(2.0), 2);
  for (int64_t i = 0; i < logits.size(); ++i) EXPECT_NEAR(d_logits[i], expected[size_t(i)], 1e-40);
  // A right and certain answer still has its small loss: e^-50, where a float sigmoid is 1.
  const Buffer certain(std::vector<float>{50.0f, -50.0f}), labels(std::vector<float>{1.0f, 0.0f});
  twin::bce_logits(certain.data(), labels.data(), 2, 1.0f, loss.data(), nullptr, {});
  expect_close(loss[0], 2.0 * std::exp(-50.0), kUlps);
}

TEST_F(BceLogits, NanIsSeen) {
  const int64_t n = 257;
  Buffer logits(random_values(n));
  const Buffer target(targets(n));
  logits[200] = NAN;
  Buffer loss(1), d_logits(n);
  twin::bce_logits(logits.data(), target.data(), n, 1.0f, loss.data(), d_logits.data(), {});
  EXPECT_TRUE(std::isnan(loss[0]));
  for (int64_t i = 0; i < n; ++i) EXPECT_EQ(std::isnan(d_logits[i]), i == 200);
}

// A target of several rows: the bits of one that is there as often.
TEST_F(BceLogits, RowsShareTheirTarget) {
  const int64_t targets_there = 5, repeats = 3, rows = targets_there * repeats;
  for (const int64_t cols : {1, 33, 784}) {
    const Buffer logits(random_values(rows * cols, 4.0), 3), target(targets(targets_there * cols));
    Buffer repeated(rows * cols), shared_loss(rows, 1), loss(rows);
    for (int64_t i = 0; i < rows * cols; ++i) {
      repeated[i] = target[i / cols / repeats * cols + i % cols];
    }
    twin::bce_logits_rows(logits.data(), target.data(), rows, cols, repeats, shared_loss.data(),
                          {});
    twin::bce_logits_rows(logits.data(), repeated.data(), rows, cols, 1, loss.data(), {});
    EXPECT_EQ(shared_loss.values(), loss.values());
  }
}

TEST_F(BceLogits, RowsAreTheOracle) {
  for (const int64_t rows : {1, 3, 31, 129}) {
    for (const int64_t cols : {1, 3, 127, 129, 784}) {
      const Buffer logits(random_values(rows * cols, 4.0), 3), target(targets(rows * cols));
      Buffer row_loss(rows, 2);
      twin::bce_logits_rows(logits.data(), target.data(), rows, cols, 1, row_loss.data(), {});
      for (int64_t row = 0; row < rows; ++row) {
        const double expected = oracle_sum(logits, target, row * cols, (row + 1) * cols);
        expect_close(row_loss[row], expected, kUlps, 0.0, "row");
      }
      // The last row alone: the same bits.
      Buffer last(1);
      const int64_t begin = (rows - 1) * cols;
      twin::bce_logits_rows(logits.data() + begin, target.data() + begin, 1, cols, 1, last.data(),
                            {});
      EXPECT_EQ(last[0], row_loss[rows - 1]);
    }
  }
  Buffer empty_rows(2);
  twin::bce_logits_rows(nullptr, nullptr, 2, 0, 1, empty_rows.data(), {});
  EXPECT_EQ(empty_rows.values(), (std::vector<float>{0.0f, 0.0f}));
}

}  // namespace
}  // namespace burin::test
