#include "kernels/bce_logits/bce_logits.h"

#include <gtest/gtest.h>

#include "kernels/common/parallel.h"
#include "tests/oracle.h"
#include "tests/support/kernel_case.h"

namespace burin::test {
namespace {

// For a target in [0, 1] an element's loss is a sum of two terms that are not negative: half a unit
// for the first, under 3 for the logarithm (kernels/common/math.h), half a unit for each of the two
// roundings that follow.
constexpr double kUlps = 4.0;

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

TEST(BceLogits, ValueIsTheOracle) {
  for (const int64_t n : kSizes) {
    for (const float scale : {1.0f, 1.0f / 128.0f, -0.5f, 0.0f}) {
      const Buffer logits(random_values(n, 4.0), 2), target(targets(n), 5);
      Buffer with_gradient(1), alone(1), d_logits(n, 3);
      cpu::bce_logits(logits.data(), target.data(), n, scale, with_gradient.data(), d_logits.data(),
                      {});
      cpu::bce_logits(logits.data(), target.data(), n, scale, alone.data(), nullptr, {});
      expect_close(with_gradient[0], double(scale) * oracle_sum(logits, target, 0, n), kUlps);
      EXPECT_EQ(with_gradient[0], alone[0]);
    }
  }
}

TEST(BceLogits, EachElementIsTheOracle) {
  // One element at a time, so that small losses are not hidden beside large ones.
  for (const float t : {0.0f, 1.0f, 0.3f, 0.9f}) {
    for (int i = -4000; i <= 4000; ++i) {
      const double grid = i / 4000.0;
      const Buffer logit(std::vector<float>{static_cast<float>(1e4 * grid * grid * grid)}),
          target(std::vector<float>{t});
      Buffer loss(1), d_logit(1);
      cpu::bce_logits(logit.data(), target.data(), 1, 1.0f, loss.data(), d_logit.data(), {});
      expect_close(loss[0], oracle::bce_logits(logit[0], t), kUlps, 0.0, "loss");
      const double sigmoid = oracle::sigmoid(logit[0]);
      expect_close(d_logit[0], sigmoid - t, 3, std::max(sigmoid, double(t)), "gradient");
    }
  }
}

TEST(BceLogits, GradientIsTheFiniteDifference) {
  for (const int64_t n : kSizes) {
    for (const float scale : {1.0f / 128.0f, -0.5f}) {
      const Buffer logits(random_values(n, 4.0), 2), target(targets(n));
      Buffer loss(1), d_logits(n, 3);
      cpu::bce_logits(logits.data(), target.data(), n, scale, loss.data(), d_logits.data(), {});
      for (int64_t i = 0; i < n; ++i) ASSERT_FALSE(std::isnan(d_logits[i]));
      for (int64_t i = 0; i < std::min<int64_t>(n, 300); ++i) {
        const double slope = numeric_derivative(
            [&](double x) { return scale * oracle::bce_logits(x, target[i]); }, logits[i]);
        EXPECT_NEAR(d_logits[i], slope, std::abs(scale) * (4 * kEpsilon + 1e-9));
      }
    }
  }
}

TEST(BceLogits, ExtremeLogits) {
  const Buffer logits({1e4f, 1e4f, -1e4f, -1e4f, 0.0f, -0.0f, 1e-42f, 100.0f, -100.0f, 3e38f});
  const Buffer target({1.0f, 0.0f, 1.0f, 0.0f, 1.0f, 0.0f, 0.5f, 1.0f, 0.0f, 1.0f});
  const std::vector<float> expected = {0.0f, 1.0f, -1.0f, 0.0f, -0.5f,
                                       0.5f, 0.0f, 0.0f,  0.0f, 0.0f};
  Buffer loss(1), d_logits(logits.size());
  cpu::bce_logits(logits.data(), target.data(), logits.size(), 1.0f, loss.data(), d_logits.data(),
                  {});
  expect_close(loss[0], 2e4 + 3 * std::log(2.0), 2);
  for (int64_t i = 0; i < logits.size(); ++i) EXPECT_NEAR(d_logits[i], expected[size_t(i)], 1e-40);
  // A right and certain answer still has its small loss: e^-50, where a float sigmoid is 1.
  const Buffer certain(std::vector<float>{50.0f, -50.0f}), labels(std::vector<float>{1.0f, 0.0f});
  cpu::bce_logits(certain.data(), labels.data(), 2, 1.0f, loss.data(), nullptr, {});
  expect_close(loss[0], 2.0 * std::exp(-50.0), kUlps);
}

TEST(BceLogits, NanIsSeen) {
  const int64_t n = 257;
  Buffer logits(random_values(n));
  const Buffer target(targets(n));
  logits[200] = NAN;
  Buffer loss(1), d_logits(n);
  cpu::bce_logits(logits.data(), target.data(), n, 1.0f, loss.data(), d_logits.data(), {});
  EXPECT_TRUE(std::isnan(loss[0]));
  for (int64_t i = 0; i < n; ++i) EXPECT_EQ(std::isnan(d_logits[i]), i == 200);
}

TEST(BceLogits, OfNothingIsZero) {
  Buffer loss(1);
  cpu::bce_logits(nullptr, nullptr, 0, 1.0f, loss.data(), nullptr, {});
  EXPECT_EQ(loss[0], 0.0f);
}

TEST(BceLogits, WorksInPlace) {
  for (const int64_t n : kSizes) {
    const Buffer logits(random_values(n, 4.0)), target(targets(n));
    Buffer apart(n), in_place(logits.values()), losses(2);
    cpu::bce_logits(logits.data(), target.data(), n, 0.1f, &losses[0], apart.data(), {});
    cpu::bce_logits(in_place.data(), target.data(), n, 0.1f, &losses[1], in_place.data(), {});
    EXPECT_EQ(apart.values(), in_place.values());
    EXPECT_EQ(losses[0], losses[1]);
  }
}

TEST(BceLogits, RowsAreTheOracle) {
  for (const int64_t rows : {1, 3, 31, 129}) {
    for (const int64_t cols : {1, 3, 127, 129, 784}) {
      const Buffer logits(random_values(rows * cols, 4.0), 3), target(targets(rows * cols));
      Buffer row_loss(rows, 2);
      cpu::bce_logits_rows(logits.data(), target.data(), rows, cols, row_loss.data(), {});
      for (int64_t row = 0; row < rows; ++row) {
        const double expected = oracle_sum(logits, target, row * cols, (row + 1) * cols);
        expect_close(row_loss[row], expected, kUlps, 0.0, "row");
      }
      // The last row alone: the same bits.
      Buffer last(1);
      const int64_t begin = (rows - 1) * cols;
      cpu::bce_logits_rows(logits.data() + begin, target.data() + begin, 1, cols, last.data(), {});
      EXPECT_EQ(last[0], row_loss[rows - 1]);
    }
  }
  Buffer empty_rows(2);
  cpu::bce_logits_rows(nullptr, nullptr, 2, 0, empty_rows.data(), {});
  EXPECT_EQ(empty_rows.values(), (std::vector<float>{0.0f, 0.0f}));
}

TEST(BceLogits, ThreadsDoNotChangeTheBits) {
  const int64_t rows = 1001, cols = 784, n = rows * cols;  // more than 64 tasks of the least size
  const Buffer logits(random_values(n, 4.0)), target(targets(n));
  Buffer losses(2), d_logits1(n), d_logits3(n), rows1(rows), rows3(rows);
  cpu::set_threads(1);
  cpu::bce_logits(logits.data(), target.data(), n, 0.1f, &losses[0], d_logits1.data(), {});
  cpu::bce_logits_rows(logits.data(), target.data(), rows, cols, rows1.data(), {});
  cpu::set_threads(3);
  cpu::bce_logits(logits.data(), target.data(), n, 0.1f, &losses[1], d_logits3.data(), {});
  cpu::bce_logits_rows(logits.data(), target.data(), rows, cols, rows3.data(), {});
  cpu::set_threads(1);
  EXPECT_EQ(losses[0], losses[1]);
  EXPECT_EQ(d_logits1.values(), d_logits3.values());
  EXPECT_EQ(rows1.values(), rows3.values());
}

}  // namespace
}  // namespace burin::test
