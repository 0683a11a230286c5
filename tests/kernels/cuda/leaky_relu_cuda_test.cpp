#include "kernels/leaky_relu/leaky_relu.h"

#include "tests/kernels/cuda/activation_case.h"

namespace burin::test {
namespace {

class LeakyReluCuda : public DeviceTest {};

TEST_F(LeakyReluCuda, IsTheCpuTwinAndTheOracle) {
  constexpr float kSlope = 0.2f;
  check_activation(
      ActivationTwin{
          [](const float* x, float* y, int64_t n) { cpu::leaky_relu_forward(x, y, n, kSlope, {}); },
          [](const float* y, const float* d_y, float* d_x, int64_t n, bool accumulate) {
            cpu::leaky_relu_backward(y, d_y, d_x, n, kSlope, accumulate, {});
          }},
      ActivationTwin{[](const float* x, float* y, int64_t n) {
                       cuda::leaky_relu_forward(x, y, n, kSlope, {});
                     },
                     [](const float* y, const float* d_y, float* d_x, int64_t n, bool accumulate) {
                       cuda::leaky_relu_backward(y, d_y, d_x, n, kSlope, accumulate, {});
                     }},
      [](double x) { return oracle::leaky_relu(x, double{kSlope}); }, 1);
}

}  // namespace
}  // namespace burin::test
