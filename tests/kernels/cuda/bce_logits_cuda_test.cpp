#include "kernels/bce_logits/bce_logits.h"

#include "tests/support/device_case.h"

namespace burin::test {
namespace {

class BceLogitsCuda : public DeviceTest {};

std::vector<float> extreme_logits(int64_t n) {
  std::vector<float> logits = random_values(n, 4.0);
  const float special[] = {0.0f, -0.0f, 88.7f, -88.7f, 104.0f, -104.0f, 1e4f, -1e4f, 1e-42f};
  for (size_t i = 2; i < logits.size(); i += 5) logits[i] = special[i / 5 % std::size(special)];
  return logits;
}

// 0, 1, and values between.
std::vector<float> targets(int64_t n) {
  std::vector<float> target = random_values(n, 1.0, 2);
  for (size_t i = 0; i < target.size(); ++i) {
    target[i] = i % 3 == 2 ? std::min(1.0f, std::abs(target[i])) : float(i % 3);
  }
  return target;
}

TEST_F(BceLogitsCuda, IsTheCpuTwinAndTheOracle) {
  for_each_case([](int64_t n, const Placement& at) {
    const float scale = -0.25f;
    const Buffer x(extreme_logits(n)), t(targets(n));
    Buffer loss(1), d_x(n);
    cpu::bce_logits(x.data(), t.data(), n, scale, loss.data(), d_x.data(), {});
    DeviceBuffer<float> cuda_x(x.values(), at[0]), cuda_t(t.values(), at[1]);
    DeviceBuffer<float> cuda_loss(1), cuda_d_x(n, at[2]), value(1);
    cuda::bce_logits(cuda_x.data(), cuda_t.data(), n, scale, cuda_loss.data(), cuda_d_x.data(), {});
    expect_same_bits(cuda_d_x.values(), d_x, "d_logits");
    double expected = 0.0, magnitude = 0.0;
    for (int64_t i = 0; i < n; ++i) {
      const double term = scale * oracle::bce_logits(x[i], t[i]);
      expected += term;
      magnitude += std::abs(term) + std::abs(scale * double{x[i]});
    }
    expect_sum(cuda_loss.values()[0], loss[0], n, magnitude, "CPU twin");
    expect_close(cuda_loss.values()[0], expected, 4, magnitude, "oracle");
    const std::vector<float> gradient = cuda_d_x.values();
    for (int64_t i = 0; i < std::min<int64_t>(n, 300); ++i) {
      expect_close(gradient[size_t(i)], scale * (oracle::sigmoid(x[i]) - t[i]), 4, 0.25);
    }
    cuda::bce_logits(cuda_x.data(), cuda_t.data(), n, scale, value.data(), nullptr, {});
    EXPECT_EQ(value.values()[0], cuda_loss.values()[0]);
    cuda::bce_logits(cuda_x.data(), cuda_t.data(), n, scale, value.data(), cuda_x.data(), {});
    EXPECT_EQ(value.values()[0], cuda_loss.values()[0]);
    expect_same_bits(cuda_x.values(), d_x, "d_logits in place");
  });
}

TEST_F(BceLogitsCuda, RowsAreTheCpuTwinAndTheOracleAndStandAlone) {
  for (const int64_t cols : {1, 3, 31, 33, 127, 784, 1300}) {
    for (const int64_t offset : {0, 1}) {
      SCOPED_TRACE("cols " + std::to_string(cols) + ", offset " + std::to_string(offset));
      const int64_t rows = 5;
      const Buffer x(extreme_logits(rows * cols)), t(targets(rows * cols));
      Buffer loss(rows);
      cpu::bce_logits_rows(x.data(), t.data(), rows, cols, loss.data(), {});
      DeviceBuffer<float> cuda_x(x.values(), offset), cuda_t(t.values(), offset);
      DeviceBuffer<float> cuda_loss(rows, 1), last(1);
      cuda::bce_logits_rows(cuda_x.data(), cuda_t.data(), rows, cols, cuda_loss.data(), {});
      const std::vector<float> sums = cuda_loss.values();
      for (int64_t r = 0; r < rows; ++r) {
        double expected = 0.0, magnitude = 0.0;
        for (int64_t i = r * cols; i < (r + 1) * cols; ++i) {
          expected += oracle::bce_logits(x[i], t[i]);
          magnitude += std::abs(x[i]);
        }
        expect_sum(sums[size_t(r)], loss[r], cols, expected + magnitude, "CPU twin");
        expect_close(sums[size_t(r)], expected, 4, magnitude, "oracle");
      }
      cuda::bce_logits_rows(cuda_x.data() + 4 * cols, cuda_t.data() + 4 * cols, 1, cols,
                            last.data(), {});
      EXPECT_EQ(last.values()[0], sums[4]);
    }
  }
}

// More rows than blocks: a block takes several.
TEST_F(BceLogitsCuda, ManyRows) {
  const int64_t rows = 2500, cols = 5;
  const Buffer x(extreme_logits(rows * cols)), t(targets(rows * cols));
  Buffer loss(rows);
  cpu::bce_logits_rows(x.data(), t.data(), rows, cols, loss.data(), {});
  DeviceBuffer<float> cuda_x(x.values()), cuda_t(t.values()), cuda_loss(rows);
  cuda::bce_logits_rows(cuda_x.data(), cuda_t.data(), rows, cols, cuda_loss.data(), {});
  const std::vector<float> sums = cuda_loss.values();
  for (int64_t r = 0; r < rows; ++r) expect_sum(sums[size_t(r)], loss[r], cols, 1e5);
}

}  // namespace
}  // namespace burin::test
