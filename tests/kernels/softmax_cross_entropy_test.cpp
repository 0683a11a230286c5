#include "kernels/softmax_cross_entropy/softmax_cross_entropy.h"

#include <gtest/gtest.h>

#include "kernels/common/parallel.h"
#include "tests/oracle.h"
#include "tests/support/kernel_case.h"

namespace burin::test {
namespace {

const std::vector<int64_t> kRows = {1, 3, 31, 257};
const std::vector<int64_t> kClasses = {1, 2, 3, 10, 63, 64, 65, 129, 1000};

std::vector<double> row_of(const Buffer& logits, int64_t row, int64_t classes) {
  const float* begin = logits.data() + row * classes;
  return {begin, begin + classes};
}

std::vector<int32_t> labels_of(int64_t rows, int64_t classes) {
  std::vector<int32_t> labels;
  for (int64_t row = 0; row < rows; ++row) labels.push_back(int32_t(row * 7 % classes));
  return labels;
}

// e^(x - max): half a unit of x - max, and the exponential's 1.1. In the sum each term is weighted
// by itself, so that log(classes) bounds the mean of max - x there. Then 1 / total and a product.
double probability_ulps(const std::vector<double>& row, size_t j) {
  const double max = *std::max_element(row.begin(), row.end());
  return 4.0 + 0.5 * (max - row[j]) + 0.5 * std::log(double(row.size()));
}

TEST(Softmax, IsTheOracle) {
  for (const int64_t rows : kRows) {
    for (const int64_t classes : kClasses) {
      const Buffer logits(random_values(rows * classes, 5.0), 3);
      Buffer p(rows * classes, 2);
      cpu::softmax(logits.data(), rows, classes, p.data(), {});
      for (int64_t row = 0; row < rows; ++row) {
        const std::vector<double> x = row_of(logits, row, classes);
        const std::vector<double> expected = oracle::softmax(x);
        double total = 0.0;
        for (size_t j = 0; j < x.size(); ++j) {
          const float actual = p[row * classes + int64_t(j)];
          expect_close(actual, expected[j], probability_ulps(x, j), 0.0, "probability");
          total += actual;
        }
        EXPECT_NEAR(total, 1.0, 4 * kEpsilon);
      }
    }
  }
}

TEST(SoftmaxCrossEntropy, ValueIsTheOracle) {
  for (const int64_t rows : kRows) {
    for (const int64_t classes : kClasses) {
      const Buffer logits(random_values(rows * classes, 5.0), 3);
      const std::vector<int32_t> labels = labels_of(rows, classes);
      double expected = 0.0;
      for (int64_t row = 0; row < rows; ++row) {
        expected +=
            oracle::softmax_cross_entropy(row_of(logits, row, classes), labels[size_t(row)]);
      }
      for (const float scale : {1.0f / 128.0f, -2.0f}) {
        Buffer with_gradient(1), alone(1), d_logits(rows * classes);
        cpu::softmax_cross_entropy(logits.data(), labels.data(), rows, classes, scale,
                                   with_gradient.data(), d_logits.data(), {});
        cpu::softmax_cross_entropy(logits.data(), labels.data(), rows, classes, scale, alone.data(),
                                   nullptr, {});
        // An error of the row's sum is the same absolute error of its logarithm.
        expect_close(with_gradient[0], double(scale) * expected,
                     2.0 + 0.5 * std::log(double(classes)),
                     std::abs(double(scale)) * (classes == 1 ? 0.0 : double(rows)));
        EXPECT_EQ(with_gradient[0], alone[0]);
      }
    }
  }
}

TEST(SoftmaxCrossEntropy, GradientIsSoftmaxMinusOneHot) {
  const float scale = -0.3f;
  for (const int64_t rows : kRows) {
    for (const int64_t classes : kClasses) {
      const Buffer logits(random_values(rows * classes, 5.0), 3);
      const std::vector<int32_t> labels = labels_of(rows, classes);
      Buffer loss(1), d_logits(rows * classes, 2);
      cpu::softmax_cross_entropy(logits.data(), labels.data(), rows, classes, scale, loss.data(),
                                 d_logits.data(), {});
      for (int64_t row = 0; row < rows; ++row) {
        const std::vector<double> x = row_of(logits, row, classes);
        const std::vector<double> p = oracle::softmax(x);
        for (size_t j = 0; j < x.size(); ++j) {
          const double one = int64_t(j) == labels[size_t(row)] ? 1.0 : 0.0;
          expect_close(d_logits[row * classes + int64_t(j)], double(scale) * (p[j] - one),
                       1.0 + probability_ulps(x, j), std::abs(double(scale)) * p[j], "gradient");
        }
      }
    }
  }
}

TEST(SoftmaxCrossEntropy, GradientIsTheFiniteDifference) {
  const int64_t rows = 5, classes = 10;
  const float scale = 0.2f;
  const Buffer logits(random_values(rows * classes, 2.0));
  const std::vector<int32_t> labels = labels_of(rows, classes);
  Buffer loss(1), d_logits(rows * classes);
  cpu::softmax_cross_entropy(logits.data(), labels.data(), rows, classes, scale, loss.data(),
                             d_logits.data(), {});
  for (int64_t row = 0; row < rows; ++row) {
    std::vector<double> x = row_of(logits, row, classes);
    for (size_t j = 0; j < x.size(); ++j) {
      const double at = x[j];
      const double slope = numeric_derivative(
          [&](double v) {
            x[j] = v;
            return scale * oracle::softmax_cross_entropy(x, labels[size_t(row)]);
          },
          at);
      x[j] = at;
      EXPECT_NEAR(d_logits[row * classes + int64_t(j)], slope, scale * (8 * kEpsilon + 1e-9));
    }
  }
}

TEST(SoftmaxCrossEntropy, LargeLogitsDoNotOverflow) {
  const Buffer logits({1e4f, -1e4f, 0.0f, /**/ 1e4f, 1e4f, 1e4f, /**/ -3e37f, 3e37f, 0.0f});
  const std::vector<int32_t> labels = {1, 0, 1};
  Buffer loss(1), p(9), d_logits(9);
  cpu::softmax(logits.data(), 3, 3, p.data(), {});
  cpu::softmax_cross_entropy(logits.data(), labels.data(), 3, 3, 1.0f, loss.data(), d_logits.data(),
                             {});
  expect_close(loss[0], 2e4 + std::log(3.0), 1);
  const float third = 1.0f / 3.0f;
  EXPECT_EQ(p.values(), (std::vector<float>{1, 0, 0, third, third, third, 0, 1, 0}));
  EXPECT_EQ(d_logits.values(), (std::vector<float>{1, -1, 0, third - 1.0f, third, third, 0, 0, 0}));
}

TEST(SoftmaxCrossEntropy, CertainAnswerKeepsItsSmallLoss) {
  const Buffer logits({20.0f, 0.0f, 0.0f});
  const int32_t label = 0;
  Buffer loss(1);
  cpu::softmax_cross_entropy(logits.data(), &label, 1, 3, 1.0f, loss.data(), nullptr, {});
  expect_close(loss[0], std::log1p(2.0 * std::exp(-20.0)), 2);  // 4e-9, below float's epsilon
}

TEST(SoftmaxCrossEntropy, NanStaysInItsRow) {
  for (const int64_t at : {10, 15, 19}) {
    Buffer logits(random_values(30));
    logits[at] = NAN;
    const std::vector<int32_t> labels = labels_of(3, 10);
    Buffer loss(1), p(30), d_logits(30);
    cpu::softmax(logits.data(), 3, 10, p.data(), {});
    cpu::softmax_cross_entropy(logits.data(), labels.data(), 3, 10, 1.0f, loss.data(),
                               d_logits.data(), {});
    EXPECT_TRUE(std::isnan(loss[0]));
    for (int64_t i = 0; i < 30; ++i) {
      EXPECT_EQ(std::isnan(p[i]), i / 10 == 1) << i;
      EXPECT_EQ(std::isnan(d_logits[i]), i / 10 == 1) << i;
    }
  }
}

TEST(SoftmaxCrossEntropy, WorksInPlaceAndOnNothing) {
  const int64_t rows = 31;
  for (const int64_t classes : kClasses) {
    const Buffer logits(random_values(rows * classes, 3.0));
    const std::vector<int32_t> labels = labels_of(rows, classes);
    Buffer losses(2), apart(rows * classes), in_place(logits.values());
    cpu::softmax_cross_entropy(logits.data(), labels.data(), rows, classes, 0.1f, &losses[0],
                               apart.data(), {});
    cpu::softmax_cross_entropy(in_place.data(), labels.data(), rows, classes, 0.1f, &losses[1],
                               in_place.data(), {});
    EXPECT_EQ(losses[0], losses[1]);
    EXPECT_EQ(apart.values(), in_place.values());
    Buffer p(rows * classes), p_in_place(logits.values());
    cpu::softmax(logits.data(), rows, classes, p.data(), {});
    cpu::softmax(p_in_place.data(), rows, classes, p_in_place.data(), {});
    EXPECT_EQ(p.values(), p_in_place.values());
  }
  Buffer loss(1);
  cpu::softmax_cross_entropy(nullptr, nullptr, 0, 10, 1.0f, loss.data(), nullptr, {});
  EXPECT_EQ(loss[0], 0.0f);
}

TEST(SoftmaxCrossEntropy, ThreadsDoNotChangeTheBits) {
  const int64_t rows = 60001, classes = 10, n = rows * classes;
  const Buffer logits(random_values(n, 3.0));
  const std::vector<int32_t> labels = labels_of(rows, classes);
  Buffer losses(2), d_logits1(n), d_logits3(n), p1(n), p3(n);
  cpu::set_threads(1);
  cpu::softmax_cross_entropy(logits.data(), labels.data(), rows, classes, 0.1f, &losses[0],
                             d_logits1.data(), {});
  cpu::softmax(logits.data(), rows, classes, p1.data(), {});
  cpu::set_threads(3);
  cpu::softmax_cross_entropy(logits.data(), labels.data(), rows, classes, 0.1f, &losses[1],
                             d_logits3.data(), {});
  cpu::softmax(logits.data(), rows, classes, p3.data(), {});
  cpu::set_threads(1);
  EXPECT_EQ(losses[0], losses[1]);
  EXPECT_EQ(d_logits1.values(), d_logits3.values());
  EXPECT_EQ(p1.values(), p3.values());
}

}  // namespace
}  // namespace burin::test
