#include "kernels/sigmoid/sigmoid.h"

#include "tests/kernels/activation_case.h"

namespace burin::test {
namespace {

struct Sigmoid {
  static constexpr double kUlps = 3;
  static constexpr double kDerivativeUlps = 4;
  static constexpr bool kSaturates = true;
  static constexpr double kKink = 0;
  static double oracle(double x) { return burin::oracle::sigmoid(x); }
  static void forward(const float* x, float* y, int64_t n) { cpu::sigmoid_forward(x, y, n, {}); }
  static void backward(const float* y, const float* d_y, float* d_x, int64_t n, bool accumulate) {
    cpu::sigmoid_backward(y, d_y, d_x, n, accumulate, {});
  }
};

INSTANTIATE_TYPED_TEST_SUITE_P(Sigmoid, ActivationTest, Sigmoid);

}  // namespace
}  // namespace burin::test
