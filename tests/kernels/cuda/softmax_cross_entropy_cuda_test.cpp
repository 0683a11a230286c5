#include "kernels/softmax_cross_entropy/softmax_cross_entropy.h"

#include "tests/support/device_case.h"

namespace burin::test {
namespace {

class SoftmaxCrossEntropyCuda : public DeviceTest {};

struct Case {
  int64_t rows, classes;
  double deviation;
};
const Case kCases[] = {{1, 1, 1},   {3, 2, 1},    {33, 10, 3},   {127, 31, 10}, {5, 33, 1000},
                       {9, 257, 1}, {2, 1300, 3}, {9000, 10, 3}, {4, 10, 1e37}};

std::vector<double> row_of(const Buffer& x, int64_t row, int64_t classes) {
  return {x.data() + row * classes, x.data() + (row + 1) * classes};
}

// The exponentials have the CPU twin's bits and their sum is in double, added in another order: the
// rounded 1 / sum may differ in its last bit, and so a probability.
constexpr double kTwinUlps = 2;

TEST_F(SoftmaxCrossEntropyCuda, IsTheCpuTwinAndTheOracle) {
  for (const auto& [rows, classes, deviation] : kCases) {
    SCOPED_TRACE(std::to_string(rows) + " x " + std::to_string(classes));
    const float scale = 0.5f;
    const Buffer x(random_values(rows * classes, deviation));
    std::vector<int32_t> labels;
    for (int64_t r = 0; r < rows; ++r) labels.push_back(int32_t(r * 7 % classes));
    Buffer loss(1), d_x(rows * classes);
    cpu::softmax_cross_entropy(x.data(), labels.data(), rows, classes, scale, loss.data(),
                               d_x.data(), {});
    DeviceBuffer<float> cuda_x(x.values(), 1), cuda_loss(1), cuda_d_x(rows * classes, 3), value(1);
    DeviceBuffer<int32_t> cuda_labels(labels, 1);
    const auto run = [&](float* loss_out, float* d_out) {
      cuda::softmax_cross_entropy(cuda_x.data(), cuda_labels.data(), rows, classes, scale, loss_out,
                                  d_out, {});
    };
    run(cuda_loss.data(), cuda_d_x.data());
    expect_sum(cuda_loss.values()[0], loss[0], rows * classes, std::abs(loss[0]), "CPU twin");
    const std::vector<float> gradient = cuda_d_x.values();
    double expected = 0.0;
    for (int64_t r = 0; r < rows; ++r) {
      const std::vector<double> row = row_of(x, r, classes);
      if (deviation > 2000) {  // past the oracle's exponentials: only the largest counts
        expected +=
            scale * (*std::max_element(row.begin(), row.end()) - row[size_t(labels[size_t(r)])]);
        continue;
      }
      expected += scale * oracle::softmax_cross_entropy(row, labels[size_t(r)]);
      const std::vector<double> p = oracle::softmax(row);
      for (int64_t j = 0; j < classes; ++j) {
        const double d = p[size_t(j)] - (j == labels[size_t(r)] ? 1 : 0);
        // p has about 4 ulp and 1 is as large as the label's terms.
        expect_close(gradient[size_t(r * classes + j)], scale * d, 6, 0.5);
      }
    }
    for (int64_t i = 0; i < rows * classes; ++i) {
      expect_close(gradient[size_t(i)], d_x[i], kTwinUlps, 0.5, "CPU twin");
    }
    expect_close(cuda_loss.values()[0], expected, 4, expected, "oracle");
    run(value.data(), nullptr);
    EXPECT_EQ(value.values()[0], cuda_loss.values()[0]);
    run(value.data(), cuda_x.data());
    EXPECT_EQ(value.values()[0], cuda_loss.values()[0]);
    expect_same_bits(cuda_x.values(), gradient, "d_logits in place");
  }
}

TEST_F(SoftmaxCrossEntropyCuda, SoftmaxIsTheCpuTwinAndTheOracle) {
  for (const auto& [rows, classes, deviation] : kCases) {
    SCOPED_TRACE(std::to_string(rows) + " x " + std::to_string(classes));
    const Buffer x(random_values(rows * classes, deviation));
    Buffer p(rows * classes);
    cpu::softmax(x.data(), rows, classes, p.data(), {});
    DeviceBuffer<float> cuda_x(x.values(), 1), cuda_p(rows * classes, 3);
    cuda::softmax(cuda_x.data(), rows, classes, cuda_p.data(), {});
    const std::vector<float> out = cuda_p.values();
    for (int64_t i = 0; i < rows * classes; ++i) {
      expect_close(out[size_t(i)], p[i], kTwinUlps, 0.0, "CPU twin");
    }
    for (int64_t r = 0; r < rows && deviation < 2000; ++r) {
      const std::vector<double> expected = oracle::softmax(row_of(x, r, classes));
      for (int64_t j = 0; j < classes; ++j) {
        // x - max is rounded before the exponential, which then has 2 ulp.
        expect_close(out[size_t(r * classes + j)], expected[size_t(j)], 6 + 12 * deviation);
      }
    }
    cuda::softmax(cuda_x.data(), rows, classes, cuda_x.data(), {});
    expect_same_bits(cuda_x.values(), out, "in place");
  }
}

}  // namespace
}  // namespace burin::test
