#include "kernels/add/add.h"

#include <gtest/gtest.h>

#include "kernels/common/parallel.h"
#include "tests/support/kernel_case.h"

namespace burin::test {
namespace {

TEST(Add, IsTheRoundedSum) {
  for (const int64_t n : kSizes) {
    const Buffer a(random_values(n), 2), b(random_values(n, 1e-3, 2), 5);
    Buffer y(n, 3);
    cpu::add(a.data(), b.data(), y.data(), n, {});
    for (int64_t i = 0; i < n; ++i) EXPECT_EQ(y[i], float(double(a[i]) + double(b[i])));
  }
}

TEST(Add, WorksInPlaceOfEither) {
  for (const int64_t n : kSizes) {
    const Buffer a(random_values(n)), b(random_values(n, 1.0, 2));
    Buffer apart(n), first(a.values()), second(b.values()), both(a.values());
    cpu::add(a.data(), b.data(), apart.data(), n, {});
    cpu::add(first.data(), b.data(), first.data(), n, {});
    cpu::add(a.data(), second.data(), second.data(), n, {});
    EXPECT_EQ(first.values(), apart.values());
    EXPECT_EQ(second.values(), apart.values());
    cpu::add(both.data(), both.data(), both.data(), n, {});
    for (int64_t i = 0; i < n; ++i) EXPECT_EQ(both[i], 2.0f * a[i]);
  }
}

TEST(Add, ThreadsDoNotChangeTheBits) {
  const int64_t n = 100352;
  const Buffer a(random_values(n)), b(random_values(n, 1.0, 2));
  Buffer one(n), three(n);
  cpu::set_threads(1);
  cpu::add(a.data(), b.data(), one.data(), n, {});
  cpu::set_threads(3);
  cpu::add(a.data(), b.data(), three.data(), n, {});
  cpu::set_threads(1);
  EXPECT_EQ(one.values(), three.values());
}

TEST(Add, ExtremeValues) {
  const float infinity = std::numeric_limits<float>::infinity();
  const Buffer a({infinity, infinity, NAN, 3e38f, 1e-45f, -0.0f});
  const Buffer b({1.0f, -infinity, 1.0f, 3e38f, 1e-45f, -0.0f});
  Buffer y(a.size());
  cpu::add(a.data(), b.data(), y.data(), a.size(), {});
  EXPECT_EQ(y[0], infinity);
  EXPECT_TRUE(std::isnan(y[1]));
  EXPECT_TRUE(std::isnan(y[2]));
  EXPECT_EQ(y[3], infinity);
  EXPECT_EQ(y[4], 2.0f * 1e-45f);  // denormals are not flushed
  EXPECT_NE(y[4], 0.0f);
  EXPECT_TRUE(std::signbit(y[5]));
}

}  // namespace
}  // namespace burin::test
