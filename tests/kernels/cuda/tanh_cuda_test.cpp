#include "kernels/tanh/tanh.h"

#include "tests/kernels/cuda/activation_case.h"

namespace burin::test {
namespace {

class TanhCuda : public DeviceTest {};

TEST_F(TanhCuda, IsTheCpuTwinAndTheOracle) {
  check_activation(
      ActivationTwin{[](auto... a) { cpu::tanh_forward(a..., {}); },
                     [](auto... a) { cpu::tanh_backward(a..., {}); }},
      ActivationTwin{[](auto... a) { cuda::tanh_forward(a..., {}); },
                     [](auto... a) { cuda::tanh_backward(a..., {}); }},
      [](double x) { return oracle::tanh(x); }, 2);
}

}  // namespace
}  // namespace burin::test
