#include "kernels/logistic_loss/logistic_loss.h"

#include <bit>

#include "kernels/bce_logits/bce_logits.h"
#include "kernels/gemm/gemm.h"
#include "kernels/l1_activity/l1_activity.h"
#include "tests/support/kernel_case.h"

namespace burin::test {
namespace {

class LogisticLoss : public TwinTest {};

constexpr Activation kActivations[] = {Activation::none, Activation::leaky_relu,
                                       Activation::sigmoid, Activation::tanh};
constexpr float kSlope = 0.2f;

// The same bits; a NaN is any NaN.
void expect_bits(const std::vector<float>& actual, const std::vector<float>& expected,
                 const char* what) {
  ASSERT_EQ(actual.size(), expected.size());
  int shown = 0;
  for (size_t i = 0; i < actual.size() && shown < 5; ++i) {
    if (std::isnan(actual[i]) && std::isnan(expected[i])) continue;
    if (std::bit_cast<uint32_t>(actual[i]) == std::bit_cast<uint32_t>(expected[i])) continue;
    ++shown;
    ADD_FAILURE() << what << "[" << i << "]: " << actual[i] << " instead of " << expected[i];
  }
}

// A layer's arguments, at other distances from a border each.
struct Layer {
  int64_t rows, k;
  Buffer x, w, bias, targets;

  // `wild`: zeros of both signs, denormals and saturated units in x and w, and in every fourth row
  // of x every kind of float: infinities and NaN, which would leave nothing of other rows to see.
  Layer(int64_t rows_, int64_t k_, Activation activation, bool wild)
      : rows(rows_),
        k(k_),
        x(outputs(rows_, k_, activation, wild), wild ? 3 : 0),
        w(values(k_, 0.3, 2, wild), wild ? 2 : 0),
        bias(std::vector<float>{0.1f}),
        targets(random_values(rows_, 0.5, 7)) {}

  static std::vector<float> values(int64_t n, double deviation, uint32_t seed, bool wild) {
    const float special[] = {0.0f, -0.0f, 1e-42f, -1e-42f, 17.0f, -17.0f};
    std::vector<float> v = random_values(n, deviation, seed);
    for (size_t i = 0; wild && i < v.size(); i += 5) v[i] = special[(i / 5 + seed) % 6];
    return v;
  }
  static std::vector<float> outputs(int64_t rows, int64_t k, Activation activation, bool wild) {
    std::vector<float> x = values(rows * k, 1.0, 1, wild);
    const std::vector<float> mixed = mixed_values(rows * k);
    for (int64_t i = 0; wild && i < rows * k; ++i) {
      if (i / k % 4 == 3) x[size_t(i)] = mixed[size_t(i)];
    }
    for (float& v : x) v = apply_activation(activation, v, kSlope);
    return x;
  }
  LogisticLayer with(Activation activation) {
    return {x.data(), w.data(), bias.data(), targets.data(), rows, k, activation, kSlope};
  }
};

// What the room stands for, room by room: the loss is differentiated as the tape does it.
struct Apart {
  Buffer logits, loss, d_logits, d_x;

  Apart(const LogisticLayer& l, float scale, float l1_scale)
      : logits(l.rows), loss(1), d_logits(l.rows), d_x(l.rows * l.k) {
    GemmEpilogue forward;
    forward.bias = l.bias;
    twin::gemm(false, true, l.rows, 1, l.k, l.x, l.k, l.w, l.k, logits.data(), 1, forward, {});
    twin::bce_logits(logits.data(), l.targets, l.rows, scale, loss.data(), d_logits.data(), {});
    if (l1_scale != 0.0f) {
      Buffer l1(l.rows);
      twin::l1_activity_backward(logits.data(), l1.data(), l.rows, l1_scale, false, {});
      for (int64_t i = 0; i < l.rows; ++i) d_logits[i] = l1[i] + d_logits[i];
    }
    GemmEpilogue backward;
    backward.activation = l.activation;
    backward.slope = l.slope;
    backward.derivative_output = l.x;
    backward.ld_derivative = l.k;
    twin::gemm(false, false, l.rows, l.k, 1, d_logits.data(), 1, l.w, l.k, d_x.data(), l.k,
               backward, {});
  }
};

TEST_F(LogisticLoss, HasTheBitsOfTheSeparateRooms) {
  const std::vector<std::pair<int64_t, int64_t>> shapes = {
      {0, 5},    {2, 0},   {1, 1},    {300, 1},  {7, 31},
      {33, 256}, {9, 257}, {5, 1024}, {3, 1025}, {2, 2052}};
  for (const auto& [rows, k] : shapes) {
    for (const Activation activation : kActivations) {
      for (const bool wild : {false, true}) {
        Layer layer(rows, k, activation, wild);
        for (const float l1_scale : {0.0f, 0.01f}) {
          SCOPED_TRACE(std::to_string(rows) + "x" + std::to_string(k) + ", activation " +
                       std::to_string(int(activation)) + (wild ? ", wild" : "") +
                       (l1_scale != 0.0f ? ", l1" : ""));
          constexpr float kScale = -0.5f;
          const LogisticLayer l = layer.with(activation);
          Buffer logits(rows, 3), loss(1), d_logits(rows, 2), d_x(rows * k, wild ? 1 : 0);
          twin::logistic_loss(l, kScale, l1_scale, logits.data(), loss.data(), d_logits.data(),
                              d_x.data(), {});
          const Apart apart(l, kScale, l1_scale);
          expect_bits(logits.values(), apart.logits.values(), "logits");
          expect_bits(d_logits.values(), apart.d_logits.values(), "d_logits");
          expect_bits(d_x.values(), apart.d_x.values(), "d_x");
          if (kTestsCuda) {
            expect_close(loss[0], apart.loss[0], 1, 0, "loss");
          } else {
            expect_bits(loss.values(), apart.loss.values(), "loss");
          }
        }
      }
    }
  }
}

// -0 times a number, and products of denormals that round to -0: gemm's sum began at +0, and with
// k = 1 more zeros are added.
TEST_F(LogisticLoss, ZerosHaveTheSignOfTheSeparateRooms) {
  for (const int64_t k : {1, 2, 33}) {
    Layer layer(64, k, Activation::none, false);
    for (int64_t i = 0; i < layer.x.size(); ++i) layer.x[i] = i % 2 == 0 ? 0.0f : -0.0f;
    const float least[] = {-1e-45f, -0.0f, 1e-45f, 0.0f};
    for (int64_t p = 0; p < k; ++p) layer.w[p] = least[p % 4];
    const LogisticLayer l = layer.with(Activation::leaky_relu);
    Buffer logits(64), loss(1), d_logits(64), d_x(64 * k);
    twin::logistic_loss(l, 1e-3f, 0.0f, logits.data(), loss.data(), d_logits.data(), d_x.data(),
                        {});
    const Apart apart(l, 1e-3f, 0.0f);
    expect_bits(logits.values(), apart.logits.values(), "logits");
    expect_bits(d_x.values(), apart.d_x.values(), "d_x");
  }
}

TEST_F(LogisticLoss, NanIsSeenInItsRowAndInTheLoss) {
  Layer layer(257, 100, Activation::none, false);
  layer.x[200 * 100 + 99] = NAN;
  Buffer logits(257), loss(1), d_logits(257), d_x(257 * 100);
  twin::logistic_loss(layer.with(Activation::none), 1.0f, 0.0f, logits.data(), loss.data(),
                      d_logits.data(), d_x.data(), {});
  EXPECT_TRUE(std::isnan(loss[0]));
  for (int64_t row = 0; row < 257; ++row) {
    EXPECT_EQ(std::isnan(logits[row]), row == 200);
    EXPECT_EQ(std::isnan(d_logits[row]), row == 200);
    EXPECT_EQ(std::isnan(d_x[row * 100]), row == 200);
  }
}

}  // namespace
}  // namespace burin::test
