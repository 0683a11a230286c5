#include "kernels/tanh/tanh.h"

#include "tests/kernels/activation_case.h"

namespace burin::test {
namespace {

struct Tanh {
  static constexpr double kUlps = 2;
  static constexpr double kDerivativeUlps = 6;
  static constexpr bool kSaturates = true;
  static constexpr double kKink = 0;
  static double oracle(double x) { return burin::oracle::tanh(x); }
  static void forward(const float* x, float* y, int64_t n) { cpu::tanh_forward(x, y, n, {}); }
  static void backward(const float* y, const float* d_y, float* d_x, int64_t n, bool accumulate) {
    cpu::tanh_backward(y, d_y, d_x, n, accumulate, {});
  }
};

INSTANTIATE_TYPED_TEST_SUITE_P(Tanh, ActivationTest, Tanh);

}  // namespace
}  // namespace burin::test
