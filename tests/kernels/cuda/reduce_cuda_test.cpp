#include "kernels/reduce/reduce.h"

#include "tests/support/device_case.h"

namespace burin::test {
namespace {

class ReduceCuda : public DeviceTest {};

TEST_F(ReduceCuda, SumsAreTheCpuTwinAndTheOracle) {
  for_each_case([](int64_t n, const Placement& at) {
    const Buffer x(random_values(n, 2.0));
    DeviceBuffer<float> cuda_x(x.values(), at[0]), cuda_out(1, at[1]);
    Buffer out(1);
    const auto check = [&](double expected, double magnitude, const char* what) {
      expect_sum(cuda_out.values()[0], out[0], n, magnitude, what);
      expect_sum(cuda_out.values()[0], expected, n, magnitude, what);
    };
    const double magnitude = oracle::abs_sum(x.values());
    const float scale = -1.7f;
    cpu::sum(x.data(), n, scale, out.data(), {});
    cuda::sum(cuda_x.data(), n, scale, cuda_out.data(), {});
    check(double{scale} * oracle::sum(x.values()), 1.7 * magnitude, "sum");
    cpu::abs_sum(x.data(), n, out.data(), {});
    cuda::abs_sum(cuda_x.data(), n, cuda_out.data(), {});
    check(magnitude, magnitude, "abs_sum");
    cpu::sum_of_squares(x.data(), n, out.data(), {});
    cuda::sum_of_squares(cuda_x.data(), n, cuda_out.data(), {});
    const double squares = oracle::sum_of_squares(x.values());
    check(squares, squares, "sum_of_squares");
  });
}

// More elements than the grid has threads, so that threads stride; with one misaligned end.
TEST_F(ReduceCuda, LargeSumsStride) {
  const int64_t n = 4 * 256 * 1024 + 4097;
  const std::vector<float> x = random_values(n);
  DeviceBuffer<float> cuda_x(x), shifted_x(x, 1), out(1), shifted_out(1);
  cuda::sum(cuda_x.data(), n, 1.0f, out.data(), {});
  cuda::sum(shifted_x.data(), n, 1.0f, shifted_out.data(), {});
  expect_sum(out.values()[0], oracle::sum(x), n, oracle::abs_sum(x), "sum");
  EXPECT_EQ(out.values()[0], shifted_out.values()[0]) << "the order depends on the address";
}

TEST_F(ReduceCuda, ExtremeValues) {
  const float big = 3e38f;
  const std::vector<std::vector<float>> cases = {
      {big, big, -big, -big}, {1e-42f, 2e-42f}, {INFINITY, 1.0f},
      {INFINITY, -INFINITY},  {NAN, 1.0f},      {big, big},
      {-0.0f, -0.0f}};
  for (const std::vector<float>& x : cases) {
    const int64_t n = int64_t(x.size());
    Buffer host(x), out(1);
    DeviceBuffer<float> cuda_x(x, 1), cuda_out(1);
    cpu::sum(host.data(), n, 1.0f, out.data(), {});
    cuda::sum(cuda_x.data(), n, 1.0f, cuda_out.data(), {});
    EXPECT_TRUE(cuda_out.values()[0] == out[0] || std::isnan(out[0])) << x[0];
    EXPECT_EQ(std::isnan(cuda_out.values()[0]), std::isnan(out[0])) << x[0];
    cpu::sum_of_squares(host.data(), n, out.data(), {});
    cuda::sum_of_squares(cuda_x.data(), n, cuda_out.data(), {});
    EXPECT_TRUE(cuda_out.values()[0] == out[0] || std::isnan(out[0])) << x[0];
  }
}

TEST_F(ReduceCuda, ZerosAreCountedExactly) {
  for_each_case([](int64_t n, const Placement& at) {
    std::vector<float> x = mixed_values(n);
    for (int64_t i = 0; i < n; i += 3) x[size_t(i)] = i % 2 == 0 ? 0.0f : -0.0f;
    int64_t expected = 0;
    for (const float v : x) expected += std::fpclassify(v) == FP_ZERO;
    DeviceBuffer<float> cuda_x(x, at[0]);
    DeviceBuffer<int64_t> out(1);
    cuda::zero_count(cuda_x.data(), n, out.data(), {});
    EXPECT_EQ(out.values()[0], expected);
  });
}

TEST_F(ReduceCuda, ColumnSumIsTheCpuTwinAndTheOracle) {
  struct Shape {
    int64_t rows, cols, padding;
  };
  for (const auto& [rows, cols, padding] :
       {Shape{1, 1, 0}, Shape{3, 31, 0}, Shape{33, 33, 2}, Shape{127, 257, 3}, Shape{128, 784, 0},
        Shape{257, 3, 1}, Shape{0, 33, 0}}) {
    SCOPED_TRACE(std::to_string(rows) + " x " + std::to_string(cols));
    const int64_t ld = cols + padding;
    std::vector<float> x = random_values(std::max<int64_t>(rows * ld, 1));
    for (int64_t r = 0; r < rows; ++r) {  // padding is nobody's
      for (int64_t c = cols; c < ld; ++c) x[size_t(r * ld + c)] = NAN;
    }
    const Buffer host(x);
    const std::vector<float> before = random_values(cols, 1.0, 2);
    Buffer out(cols), added(before);
    cpu::column_sum(host.data(), rows, cols, ld, out.data(), false, {});
    cpu::column_sum(host.data(), rows, cols, ld, added.data(), true, {});
    DeviceBuffer<float> cuda_x(x, 1), cuda_out(cols, 3), cuda_added(before, 1);
    cuda::column_sum(cuda_x.data(), rows, cols, ld, cuda_out.data(), false, {});
    cuda::column_sum(cuda_x.data(), rows, cols, ld, cuda_added.data(), true, {});
    const std::vector<float> sums = cuda_out.values(), sums_added = cuda_added.values();
    for (int64_t c = 0; c < cols; ++c) {
      double magnitude = 0.0;
      for (int64_t r = 0; r < rows; ++r) magnitude += std::abs(x[size_t(r * ld + c)]);
      expect_sum(sums[size_t(c)], out[c], rows, magnitude, "CPU twin");
      expect_sum(sums[size_t(c)], oracle::column_sum(x.data(), rows, ld, c), rows, magnitude);
      EXPECT_EQ(sums_added[size_t(c)], before[size_t(c)] + sums[size_t(c)]);
    }
  }
}

}  // namespace
}  // namespace burin::test
