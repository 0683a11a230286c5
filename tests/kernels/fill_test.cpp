#include "kernels/fill/fill.h"

#include <gtest/gtest.h>

#include "kernels/common/math.h"
#include "kernels/common/parallel.h"
#include "tests/support/kernel_case.h"

namespace burin::test {
namespace {

TEST(Fill, WritesEveryElementAndNoOther) {
  for (const int threads : {1, 3}) {
    cpu::set_threads(threads);
    for (const int64_t n : kSizes) {
      for (int64_t offset = 0; offset < 4; ++offset) {
        Buffer x(n, offset);
        cpu::fill(x.data(), n, -2.5f, {});
        for (int64_t i = 0; i < n; ++i) ASSERT_EQ(x[i], -2.5f) << i << " of " << n;
      }
    }
  }
  cpu::set_threads(1);
}

TEST(Fill, KeepsTheBitsOfTheValue) {
  for (const float value : {-0.0f, 1e-45f, std::numeric_limits<float>::infinity(), NAN}) {
    Buffer x(33);
    cpu::fill(x.data(), x.size(), value, {});
    for (int64_t i = 0; i < x.size(); ++i) {
      EXPECT_EQ(math::bits_of(x[i]), math::bits_of(value));
    }
  }
}

TEST(Fill, OfNothingTouchesNothing) {
  Buffer x(std::vector<float>{7.0f});
  cpu::fill(x.data(), 0, 1.0f, {});
  EXPECT_EQ(x[0], 7.0f);
}

}  // namespace
}  // namespace burin::test
