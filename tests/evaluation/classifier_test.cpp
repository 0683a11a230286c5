#include "evaluation/classifier.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/model_case.h"

namespace burin::test {
namespace {

TEST(Classifier, LearnsDigitsAndRepeats) {
  constexpr int64_t kTrain = BURIN_SLOW_BUILD ? 200 : 4000;
  const ImageSet set = mnist(kTrain + 500);
  ImageSet train = set, test = set;
  train.count = kTrain;
  test.count = 500;
  test.images.erase(test.images.begin(), test.images.begin() + kTrain * set.pixels());
  test.labels.erase(test.labels.begin(), test.labels.begin() + kTrain);
  const DeviceImages data(train, Device::cpu), unseen(test, Device::cpu);
  Classifier classifier(data, 10, 1);
  EXPECT_GT(classifier.accuracy(unseen), BURIN_SLOW_BUILD ? 0.4 : 0.85);

  std::vector<float> images(size_t(20 * set.pixels()));
  for (size_t i = 0; i < images.size(); ++i) images[i] = float(test.images[i]) / 255.0f;
  const std::vector<float> probabilities = classifier.classify(images);
  for (int64_t row = 0; row < 20; ++row) {
    double sum = 0;
    for (int64_t c = 0; c < 10; ++c) sum += probabilities[size_t(row * 10 + c)];
    EXPECT_NEAR(sum, 1.0, 1e-5);
  }
  EXPECT_EQ(Classifier(data, 10, 1).classify(images), probabilities);
  if (!BURIN_SLOW_BUILD) {
    EXPECT_NE(Classifier(data, 10, 2).classify(images), probabilities);
  }
}

TEST(DigitReport, CountsTheMostProbable) {
  const DigitReport report = digit_report({0.5f, 0.25f, 0.25f,                       //
                                           0.75f, 0.125f, 0.125f, 0.0f, 0.0f, 1.0f,  //
                                           0.25f, 0.25f, 0.5f},
                                          3);
  EXPECT_EQ(report.histogram, (std::vector<double>{0.5, 0.0, 0.5}));
  EXPECT_DOUBLE_EQ(report.confidence, (0.5 + 0.75 + 1.0 + 0.5) / 4);
  EXPECT_DOUBLE_EQ(report.entropy, std::log(2.0));
}

}  // namespace
}  // namespace burin::test
