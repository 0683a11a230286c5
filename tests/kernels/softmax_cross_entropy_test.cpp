#include "kernels/softmax_cross_entropy/softmax_cross_entropy.h"

#include "tests/support/kernel_case.h"

namespace burin::test {
namespace {

class SoftmaxCrossEntropy : public TwinTest {};

std::vector<int32_t> labels_of(int64_t rows, int64_t classes) {
  std::vector<int32_t> labels;
  for (int64_t row = 0; row < rows; ++row) labels.push_back(int32_t(row * 7 % classes));
  return labels;
}

TEST_F(SoftmaxCrossEntropy, LargeLogitsDoNotOverflow) {
  const Buffer logits({1e4f, -1e4f, 0.0f, /**/ 1e4f, 1e4f, 1e4f, /**/ -3e37f, 3e37f, 0.0f});
  const BufferOf<int32_t> labels({1, 0, 1});
  Buffer loss(1), p(9), d_logits(9);
  twin::softmax(logits.data(), 3, 3, p.data(), {});
  twin::softmax_cross_entropy(logits.data(), labels.data(), 3, 3, 1.0f, loss.data(),
                              d_logits.data(), {});
  expect_close(loss[0], 2e4 + std::log(3.0), 1);
  const float third = 1.0f / 3.0f;
  EXPECT_EQ(p.values(), (std::vector<float>{1, 0, 0, third, third, third, 0, 1, 0}));
  EXPECT_EQ(d_logits.values(), (std::vector<float>{1, -1, 0, third - 1.0f, third, third, 0, 0, 0}));
}

TEST_F(SoftmaxCrossEntropy, ProbabilitiesSumToOne) {
  const int64_t rows = 257;
  for (const int64_t classes : {1, 2, 3, 10, 63, 64, 65, 129, 1000, 5000}) {
    const int64_t used = classes > 1000 ? 3 : rows;
    const Buffer logits(random_values(used * classes, 5.0));
    Buffer p(used * classes);
    twin::softmax(logits.data(), used, classes, p.data(), {});
    const std::vector<float> values = p.values();
    for (int64_t row = 0; row < used; ++row) {
      double total = 0.0;
      for (int64_t j = 0; j < classes; ++j) total += values[size_t(row * classes + j)];
      EXPECT_NEAR(total, 1.0, 4 * kEpsilon) << row << " of " << classes;
    }
  }
}

// Where only the largest counts: the loss is its distance to the label's.
TEST_F(SoftmaxCrossEntropy, HugeLogits) {
  const int64_t rows = 4, classes = 10;
  const std::vector<float> values = random_values(rows * classes, 1e37);
  const Buffer logits(values);
  const std::vector<int32_t> chosen = labels_of(rows, classes);
  const BufferOf<int32_t> labels(chosen);
  Buffer loss(1), d_logits(rows * classes);
  twin::softmax_cross_entropy(logits.data(), labels.data(), rows, classes, 0.5f, loss.data(),
                              d_logits.data(), {});
  double expected = 0.0;
  for (int64_t row = 0; row < rows; ++row) {
    const auto begin = values.begin() + row * classes;
    const int64_t largest = std::max_element(begin, begin + classes) - begin;
    expected += 0.5 * (double{begin[largest]} - double{begin[chosen[size_t(row)]]});
    for (int64_t j = 0; j < classes; ++j) {
      const double p = (j == largest) - double(j == chosen[size_t(row)]);
      EXPECT_EQ(d_logits[row * classes + j], 0.5 * p);
    }
  }
  expect_close(loss[0], expected, 4, expected);
}

TEST_F(SoftmaxCrossEntropy, CertainAnswerKeepsItsSmallLoss) {
  const Buffer logits({20.0f, 0.0f, 0.0f});
  const BufferOf<int32_t> label(std::vector<int32_t>{0});
  Buffer loss(1);
  twin::softmax_cross_entropy(logits.data(), label.data(), 1, 3, 1.0f, loss.data(), nullptr, {});
  expect_close(loss[0], std::log1p(2.0 * std::exp(-20.0)), 2);  // 4e-9, below float's epsilon
}

TEST_F(SoftmaxCrossEntropy, NanStaysInItsRow) {
  for (const int64_t at : {10, 15, 19}) {
    Buffer logits(random_values(30));
    logits[at] = NAN;
    const BufferOf<int32_t> labels(labels_of(3, 10));
    Buffer loss(1), p(30), d_logits(30);
    twin::softmax(logits.data(), 3, 10, p.data(), {});
    twin::softmax_cross_entropy(logits.data(), labels.data(), 3, 10, 1.0f, loss.data(),
                                d_logits.data(), {});
    EXPECT_TRUE(std::isnan(loss[0]));
    for (int64_t i = 0; i < 30; ++i) {
      EXPECT_EQ(std::isnan(p[i]), i / 10 == 1) << i;
      EXPECT_EQ(std::isnan(d_logits[i]), i / 10 == 1) << i;
    }
  }
}

}  // namespace
}  // namespace burin::test
