#include "kernels/dropout/dropout.h"

#include <gtest/gtest.h>

#include "kernels/common/parallel.h"
#include "tests/oracle.h"
#include "tests/support/kernel_case.h"

namespace burin::test {
namespace {

const uint64_t kStep = 5;
const RandomKey kKey{1234567890123u, 8, &kStep};
constexpr oracle::Draw kDraw{1234567890123u, 8, 5};
constexpr float kRates[] = {0.0f, 0.1f, 0.25f, 0.3f, 0.5f, 0.9f, 0.999f};

TEST(Dropout, ForwardIsTheOracle) {
  for (const float rate : kRates) {
    for (const int64_t n : kSizes) {
      const Buffer x(random_values(n));
      Buffer y(n, 3);
      cpu::dropout_forward(x.data(), y.data(), n, rate, kKey, {});
      for (int64_t i = 0; i < n; ++i) {
        expect_close(y[i], oracle::dropout(x[i], kDraw, i, rate), 1, 0.0, "y");  // two roundings
      }
    }
  }
}

TEST(Dropout, RateZeroKeepsAllExactly) {
  const int64_t n = 100352;
  const Buffer x(random_values(n));
  Buffer y(n);
  cpu::dropout_forward(x.data(), y.data(), n, 0.0f, kKey, {});
  EXPECT_EQ(x.values(), y.values());
}

TEST(Dropout, ARateJustBelowOneIsFinite) {
  const uint32_t threshold = dropout_threshold(std::nextafter(1.0f, 0.0f));
  EXPECT_EQ(threshold, 65535u);
  EXPECT_EQ(dropout_scale(threshold), 65536.0f);
}

// Binomial: four deviations; the rate as rounded is within 2^-17 of the one asked for.
TEST(Dropout, KeepsTheFractionAskedFor) {
  const int64_t n = 100352;
  const Buffer ones(std::vector<float>(size_t(n), 1.0f));
  for (const float rate : kRates) {
    Buffer y(n);
    cpu::dropout_forward(ones.data(), y.data(), n, rate, kKey, {});
    double kept = 0.0;
    for (int64_t i = 0; i < n; ++i) kept += y[i] != 0.0f;
    const double deviation = std::sqrt(double(n) * rate * (1.0 - rate));
    EXPECT_NEAR(kept, double(n) * (1.0 - rate), 4.0 * deviation + double(n) * 0x1p-17);
  }
}

TEST(Dropout, BackwardHasForwardsMask) {
  for (const int64_t n : kSizes) {
    const Buffer x(random_values(n)), d_y(random_values(n, 1.0, 2));
    Buffer y(n), d_x(n, 2);
    cpu::dropout_forward(x.data(), y.data(), n, 0.3f, kKey, {});
    cpu::dropout_backward(d_y.data(), d_x.data(), n, 0.3f, kKey, false, {});
    for (int64_t i = 0; i < n; ++i) {
      EXPECT_EQ(y[i] == 0.0f, d_x[i] == 0.0f);  // no x or d_y is 0
      const double slope =
          numeric_derivative([&](double v) { return oracle::dropout(v, kDraw, i, 0.3f); }, x[i]);
      EXPECT_NEAR(d_x[i], d_y[i] * slope, 1e-6 * std::abs(d_y[i]));
    }
  }
}

TEST(Dropout, BackwardAccumulatesWhenAsked) {
  const int64_t n = 1027;
  const Buffer d_y(random_values(n));
  Buffer once(n), sum(random_values(n, 1.0, 2));
  const auto before = sum.values();
  cpu::dropout_backward(d_y.data(), once.data(), n, 0.5f, kKey, false, {});
  cpu::dropout_backward(d_y.data(), sum.data(), n, 0.5f, kKey, true, {});
  for (int64_t i = 0; i < n; ++i) EXPECT_EQ(sum[i], before[size_t(i)] + once[i]);
}

TEST(Dropout, WorksInPlace) {
  const int64_t n = 1027;
  const Buffer x(random_values(n));
  Buffer apart(n), forward(x.values()), backward(x.values());
  cpu::dropout_forward(x.data(), apart.data(), n, 0.5f, kKey, {});
  cpu::dropout_forward(forward.data(), forward.data(), n, 0.5f, kKey, {});
  cpu::dropout_backward(backward.data(), backward.data(), n, 0.5f, kKey, false, {});
  EXPECT_EQ(apart.values(), forward.values());
  EXPECT_EQ(apart.values(), backward.values());
}

TEST(Dropout, ANewStepDrawsANewMask) {
  const int64_t n = 4096;
  const Buffer ones(std::vector<float>(size_t(n), 1.0f));
  uint64_t step = 0;
  const RandomKey key{1, 2, &step};
  Buffer first(n), second(n);
  cpu::dropout_forward(ones.data(), first.data(), n, 0.5f, key, {});
  step = 1;
  cpu::dropout_forward(ones.data(), second.data(), n, 0.5f, key, {});
  double same = 0.0;
  for (int64_t i = 0; i < n; ++i) same += first[i] == second[i];
  EXPECT_NEAR(same, 2048.0, 4.0 * 32.0);
}

TEST(Dropout, WhatIsDroppedIsZeroWhateverItWas) {
  const int64_t n = 999;
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float value : {NAN, infinity, -infinity, -1.0f, -0.0f}) {
    const Buffer x(std::vector<float>(size_t(n), value));
    Buffer y(n);
    cpu::dropout_forward(x.data(), y.data(), n, 0.5f, kKey, {});
    for (int64_t i = 0; i < n; ++i) {
      if (oracle::dropout_keeps(kDraw, i, 0.5)) {
        expect_close(y[i], 2.0 * value, 0, 0.0, "kept");
      } else {
        EXPECT_TRUE(y[i] == 0.0f && !std::signbit(y[i]));
      }
    }
  }
}

TEST(Dropout, ThreadsDoNotMatter) {
  const int64_t n = 100349;
  const Buffer x(random_values(n));
  Buffer y1(n), y3(n), d1(x.values()), d3(x.values());
  cpu::set_threads(1);
  cpu::dropout_forward(x.data(), y1.data(), n, 0.3f, kKey, {});
  cpu::dropout_backward(x.data(), d1.data(), n, 0.3f, kKey, true, {});
  cpu::set_threads(3);
  cpu::dropout_forward(x.data(), y3.data(), n, 0.3f, kKey, {});
  cpu::dropout_backward(x.data(), d3.data(), n, 0.3f, kKey, true, {});
  cpu::set_threads(1);
  EXPECT_EQ(y1.values(), y3.values());
  EXPECT_EQ(d1.values(), d3.values());
}

}  // namespace
}  // namespace burin::test
