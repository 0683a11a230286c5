#include "kernels/dropout/dropout.h"

#include <bit>

#include "kernels/leaky_relu/leaky_relu.h"
#include "kernels/sigmoid/sigmoid.h"
#include "kernels/tanh/tanh.h"
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

// To the bit the two launches that it stands for, whatever the numbers.
TEST_F(Dropout, ActivationBackwardIsBackwardAndThenTheActivations) {
  constexpr float kSlope = 0.2f;
  for (const int64_t n : {int64_t{1}, int64_t{31}, int64_t{257}, int64_t{20000}}) {
    const Buffer d_y(mixed_values(n, 1.0, 2));
    for (const float rate : {0.0f, 0.3f}) {
      for (const Activation activation :
           {Activation::none, Activation::leaky_relu, Activation::sigmoid, Activation::tanh}) {
        SCOPED_TRACE(std::to_string(n) + ", activation " + std::to_string(int(activation)));
        std::vector<float> outputs = mixed_values(n, 1.0, 5);
        for (float& v : outputs) v = apply_activation(activation, v, kSlope);
        const Buffer x(outputs);
        const bool none = activation == Activation::none;
        Buffer fused(n, 3), apart(n);
        twin::dropout_activation_backward(none ? nullptr : x.data(), d_y.data(), fused.data(), n,
                                          rate, activation, kSlope, Key(), {});
        float* const d = apart.data();
        twin::dropout_backward(d_y.data(), d, n, rate, Key(), false, {});
        if (activation == Activation::leaky_relu) {
          twin::leaky_relu_backward(x.data(), d, d, n, kSlope, false, {});
        } else if (activation == Activation::sigmoid) {
          twin::sigmoid_backward(x.data(), d, d, n, false, {});
        } else if (activation == Activation::tanh) {
          twin::tanh_backward(x.data(), d, d, n, false, {});
        }
        const std::vector<float> actual = fused.values(), expected = apart.values();
        for (size_t i = 0; i < actual.size(); ++i) {
          if (std::isnan(expected[i])) {
            EXPECT_TRUE(std::isnan(actual[i])) << i;
          } else {
            EXPECT_EQ(std::bit_cast<uint32_t>(actual[i]), std::bit_cast<uint32_t>(expected[i]))
                << i;
          }
        }
      }
    }
  }
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
