#include "kernels/sigmoid/sigmoid.h"

#include "tests/kernels/cuda/activation_case.h"

namespace burin::test {
namespace {

class SigmoidCuda : public DeviceTest {};

TEST_F(SigmoidCuda, IsTheCpuTwinAndTheOracle) {
  check_activation(
      ActivationTwin{[](auto... a) { cpu::sigmoid_forward(a..., {}); },
                     [](auto... a) { cpu::sigmoid_backward(a..., {}); }},
      ActivationTwin{[](auto... a) { cuda::sigmoid_forward(a..., {}); },
                     [](auto... a) { cuda::sigmoid_backward(a..., {}); }},
      [](double x) { return oracle::sigmoid(x); }, 3);
}

}  // namespace
}  // namespace burin::test
