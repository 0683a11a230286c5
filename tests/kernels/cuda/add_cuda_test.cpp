#include "kernels/add/add.h"

#include "tests/support/device_case.h"

namespace burin::test {
namespace {

class AddCuda : public DeviceTest {};

TEST_F(AddCuda, IsTheCpuTwinAndTheOracle) {
  for_each_case([](int64_t n, const Placement& at) {
    const Buffer a(mixed_values(n)), b(mixed_values(n, 1.0, 2));
    Buffer y(n);
    cpu::add(a.data(), b.data(), y.data(), n, {});
    DeviceBuffer<float> cuda_a(a.values(), at[0]), cuda_b(b.values(), at[1]), cuda_y(n, at[2]);
    cuda::add(cuda_a.data(), cuda_b.data(), cuda_y.data(), n, {});
    expect_same_bits(cuda_y.values(), y, "y");
    const std::vector<float> out = cuda_y.values();
    for (int64_t i = 0; i < n; ++i) {
      expect_close(out[size_t(i)], static_cast<float>(double{a[i]} + double{b[i]}), 1);
    }
    cuda::add(cuda_a.data(), cuda_b.data(), cuda_b.data(), n, {});
    expect_same_bits(cuda_b.values(), y, "y in b");
    cuda::add(cuda_a.data(), cuda_a.data(), cuda_a.data(), n, {});
    const std::vector<float> twice = cuda_a.values();
    for (int64_t i = 0; i < n; ++i) {
      expect_close(twice[size_t(i)], static_cast<float>(2 * double{a[i]}), 1);
    }
  });
}

}  // namespace
}  // namespace burin::test
