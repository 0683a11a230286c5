#include "kernels/leaky_relu/leaky_relu.h"

#include "tests/kernels/activation_case.h"

namespace burin::test {
namespace {

constexpr float kSlope = 0.2f;

struct LeakyRelu {
  static constexpr double kUlps = 1;
  static constexpr double kDerivativeUlps = 1;
  static constexpr bool kSaturates = false;
  static constexpr double kKink = 1e-3;
  static double oracle(double x) { return burin::oracle::leaky_relu(x, kSlope); }
  static void forward(const float* x, float* y, int64_t n) {
    cpu::leaky_relu_forward(x, y, n, kSlope, {});
  }
  static void backward(const float* y, const float* d_y, float* d_x, int64_t n, bool accumulate) {
    cpu::leaky_relu_backward(y, d_y, d_x, n, kSlope, accumulate, {});
  }
};

INSTANTIATE_TYPED_TEST_SUITE_P(LeakyRelu, ActivationTest, LeakyRelu);

}  // namespace
}  // namespace burin::test
