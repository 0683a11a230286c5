#include "kernels/fill/fill.h"

#include "tests/support/device_case.h"

namespace burin::test {
namespace {

class FillCuda : public DeviceTest {};

TEST_F(FillCuda, WritesTheValueEverywhereAndNowhereElse) {
  for_each_case([](int64_t n, const Placement& at) {
    for (const float value : {0.0f, -0.0f, 1.5f, 1e-42f, INFINITY, NAN}) {
      DeviceBuffer<float> x(n, at[0]);
      cuda::fill(x.data(), n, value, {});
      expect_same_bits(x.values(), std::vector<float>(size_t(n), value));
    }
  });
}

}  // namespace
}  // namespace burin::test
