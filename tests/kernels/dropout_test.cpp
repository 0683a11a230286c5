#include "kernels/dropout/dropout.h"

#include "tests/kernels/random_case.h"

namespace burin::test {
namespace {

class Dropout : public TwinTest {};

constexpr float kRates[] = {0.0f, 0.1f, 0.25f, 0.3f, 0.5f, 0.9f, 0.999f};

TEST_F(Dropout, RateZeroKeepsAllExactly) {
  const int64_t n = 100352;
  const Buffer x(random_values(n));
  Buffer y(n);
  twin::dropout_forward(x.data(), y.data(), n, 0.0f, Key(), {});
  EXPECT_EQ(x.values(), y.values());
}

TEST_F(Dropout, ARateJustBelowOneIsFinite) {
  const uint32_t threshold = dropout_threshold(std::nextafter(1.0f, 0.0f));
  EXPECT_EQ(threshold, 65535u);
  EXPECT_EQ(dropout_scale(threshold), 65536.0f);
}

// Binomial: four deviations; the rate as rounded is within 2^-17 of the one asked for.
TEST_F(Dropout, KeepsTheFractionAskedFor) {
  const int64_t n = 100352;
  const Buffer ones(std::vector<float>(size_t(n), 1.0f));
  for (const float rate : kRates) {
    Buffer y(n);
    twin::dropout_forward(ones.data(), y.data(), n, rate, Key(), {});
    double kept = 0.0;
    for (int64_t i = 0; i < n; ++i) kept += y[i] != 0.0f;
    const double deviation = std::sqrt(double(n) * rate * (1.0 - rate));
    EXPECT_NEAR(kept, double(n) * (1.0 - rate), 4.0 * deviation + double(n) * 0x1p-17);
  }
}

TEST_F(Dropout, ANewStepDrawsANewMask) {
  const int64_t n = 4096;
  const Buffer ones(std::vector<float>(size_t(n), 1.0f));
  Key key(1, 2, 0);
  Buffer first(n), second(n);
  twin::dropout_forward(ones.data(), first.data(), n, 0.5f, key, {});
  key.set_step(1);
  twin::dropout_forward(ones.data(), second.data(), n, 0.5f, key, {});
  double same = 0.0;
  for (int64_t i = 0; i < n; ++i) same += first[i] == second[i];
  EXPECT_NEAR(same, 2048.0, 4.0 * 32.0);
}

TEST_F(Dropout, WhatIsDroppedIsZeroWhateverItWas) {
  const int64_t n = 999;
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float value : {NAN, infinity, -infinity, -1.0f, -0.0f}) {
    const Buffer x(std::vector<float>(size_t(n), value));
    Buffer y(n);
    twin::dropout_forward(x.data(), y.data(), n, 0.5f, Key(), {});
    for (int64_t i = 0; i < n; ++i) {
      if (oracle::dropout_keeps(kDraw, i, 0.5)) {
        expect_close(y[i], 2.0 * value, 0, 0.0, "kept");
      } else {
        EXPECT_TRUE(y[i] == 0.0f && !std::signbit(y[i]));
      }
    }
  }
}

}  // namespace
}  // namespace burin::test
