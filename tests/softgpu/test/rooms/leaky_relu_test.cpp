// The room's CUDA twin on the device, against its CPU twin: both are made of the same correctly
// rounded operations, so the bits must be the same.
#include "kernels/leaky_relu/leaky_relu.h"

#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

namespace burin {
namespace {

constexpr float kSlope = 0.2f;

class DeviceArray {
 public:
  explicit DeviceArray(const std::vector<float>& values) : n_(values.size()) {
    EXPECT_EQ(cudaMalloc(reinterpret_cast<void**>(&data_), n_ * sizeof(float)), cudaSuccess);
    EXPECT_EQ(cudaMemcpy(data_, values.data(), n_ * sizeof(float), cudaMemcpyHostToDevice),
              cudaSuccess);
  }
  ~DeviceArray() { cudaFree(data_); }
  DeviceArray(const DeviceArray&) = delete;
  float* data() { return data_; }
  std::vector<float> values() const {
    std::vector<float> v(n_);
    EXPECT_EQ(cudaMemcpy(v.data(), data_, n_ * sizeof(float), cudaMemcpyDeviceToHost), cudaSuccess);
    return v;
  }

 private:
  size_t n_;
  float* data_ = nullptr;
};

std::vector<float> values(int64_t n, uint32_t seed) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal;
  std::vector<float> v(static_cast<size_t>(n));
  for (float& x : v) x = normal(engine);
  const std::vector<float> extremes = {0.0f,   -0.0f,   INFINITY, -INFINITY,
                                       1e-42f, -1e-42f, 3e38f,    -1e-38f};
  for (size_t i = 0; i < v.size() && i < extremes.size(); ++i) v[i] = extremes[i];
  return v;
}

void expect_same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  ASSERT_EQ(a.size(), b.size());
  EXPECT_EQ(std::memcmp(a.data(), b.data(), a.size() * sizeof(float)), 0);
}

TEST(Room, LeakyReluForwardIsTheCpuTwin) {
  for (const int64_t n : {1, 31, 33, 257, 100352}) {
    const std::vector<float> x = values(n, 1);
    DeviceArray device_x(x), device_y(std::vector<float>(x.size(), NAN));
    cuda::leaky_relu_forward(device_x.data(), device_y.data(), n, kSlope, {});
    std::vector<float> y(x.size());
    cpu::leaky_relu_forward(x.data(), y.data(), n, kSlope, {});
    expect_same_bits(device_y.values(), y);
  }
}

TEST(Room, LeakyReluBackwardIsTheCpuTwin) {
  for (const bool accumulate : {false, true}) {
    const int64_t n = 1000;
    const std::vector<float> y = values(n, 2), d_y = values(n, 3), before = values(n, 4);
    DeviceArray device_y(y), device_d_y(d_y), device_d_x(before);
    cuda::leaky_relu_backward(device_y.data(), device_d_y.data(), device_d_x.data(), n, kSlope,
                              accumulate, {});
    std::vector<float> d_x = before;
    cpu::leaky_relu_backward(y.data(), d_y.data(), d_x.data(), n, kSlope, accumulate, {});
    const std::vector<float> got = device_d_x.values();
    for (size_t i = 0; i < got.size(); ++i) {
      if (std::isnan(d_x[i]))
        EXPECT_TRUE(std::isnan(got[i])) << i;
      else
        EXPECT_EQ(got[i], d_x[i]) << i;
    }
  }
}

}  // namespace
}  // namespace burin
