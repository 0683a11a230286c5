// What every test of a CUDA twin shares: a device or a skip that says why, guarded device buffers
// at any alignment, and the comparison with the CPU twin.
#pragma once

#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cstring>
#include <string>
#include <vector>

#include "kernels/common/cuda_check.h"
#include "tests/oracle.h"
#include "tests/support/kernel_case.h"

namespace burin::test {

// Skips its tests, with the reason, where there is no device. A skip is not a pass.
class DeviceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    int devices = 0;
    const cudaError_t status = cudaGetDeviceCount(&devices);
    if (status != cudaSuccess) GTEST_SKIP() << "no CUDA device: " << cudaGetErrorString(status);
    if (devices == 0) GTEST_SKIP() << "no CUDA device: the driver knows none";
  }
};

// n elements of device memory that begin `offset` elements past a 256-byte border, between two
// guard zones. Filled with 0xff (NaN, -1), so that an element that a kernel forgot to write is
// seen; the guards are checked whenever values are read, and at the end.
template <class T>
class DeviceBuffer {
 public:
  explicit DeviceBuffer(int64_t n, int64_t offset = 0)
      : DeviceBuffer(std::vector<unsigned char>(size_t(n) * sizeof(T), 0xff), n, offset) {}
  DeviceBuffer(const std::vector<T>& values, int64_t offset = 0)
      : DeviceBuffer(bytes_of(values), int64_t(values.size()), offset) {}
  DeviceBuffer(const DeviceBuffer&) = delete;
  DeviceBuffer& operator=(const DeviceBuffer&) = delete;
  ~DeviceBuffer() {
    values();
    cudaFree(memory_);
  }

  T* data() { return reinterpret_cast<T*>(static_cast<unsigned char*>(memory_) + begin_); }
  int64_t size() const { return n_; }

  // Waits for the device and copies.
  std::vector<T> values() const {
    std::vector<unsigned char> image(size_t(begin_ + bytes_ + guard_));
    cuda::check(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
    cuda::check(cudaMemcpy(image.data(), memory_, image.size(), cudaMemcpyDeviceToHost), "values");
    for (int64_t i = 0; i < int64_t(image.size()); ++i) {
      if ((i < begin_ || i >= begin_ + bytes_) && image[size_t(i)] != kGuardByte) {
        ADD_FAILURE() << "wrote outside the buffer, at byte " << i - begin_ << " of " << bytes_;
        break;
      }
    }
    std::vector<T> result(static_cast<size_t>(n_));
    if (n_ > 0) std::memcpy(result.data(), image.data() + begin_, size_t(bytes_));
    return result;
  }

 private:
  static constexpr int64_t kGuard = 256;  // bytes
  static constexpr unsigned char kGuardByte = 0x5a;

  static std::vector<unsigned char> bytes_of(const std::vector<T>& values) {
    std::vector<unsigned char> bytes(values.size() * sizeof(T));
    if (!bytes.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
    return bytes;
  }
  DeviceBuffer(const std::vector<unsigned char>& content, int64_t n, int64_t offset)
      : n_(n),
        bytes_(n * int64_t(sizeof(T))),
        guard_(offset == 0 ? 0 : kGuard),
        begin_(guard_ + offset * int64_t(sizeof(T))) {
    std::vector<unsigned char> image(size_t(begin_ + bytes_ + guard_), kGuardByte);
    std::copy(content.begin(), content.end(), image.begin() + begin_);
    cuda::check(cudaMalloc(&memory_, std::max<size_t>(image.size(), 1)), "cudaMalloc");
    cuda::check(cudaMemcpy(memory_, image.data(), image.size(), cudaMemcpyHostToDevice), "upload");
  }

  int64_t n_;
  int64_t bytes_;
  int64_t guard_;  // bytes
  int64_t begin_;  // bytes from the allocation's begin
  void* memory_ = nullptr;
};

// Where a case's buffers begin, in elements past a 256-byte border: on it, all one float off, each
// elsewhere.
using Placement = std::array<int64_t, 5>;
inline constexpr Placement kPlacements[] = {{0, 0, 0, 0, 0}, {1, 1, 1, 1, 1}, {3, 1, 2, 0, 5}};

// f(n, placement) for each size at each placement.
template <class F>
void for_each_case(const F& f) {
  for (const int64_t n : kSizes) {
    for (const Placement& placement : kPlacements) {
      SCOPED_TRACE("n " + std::to_string(n) + ", first offset " + std::to_string(placement[0]));
      f(n, placement);
    }
  }
}

// The same bits; NaN is NaN, for devices differ in its payload.
inline void expect_same_bits(const std::vector<float>& cuda, const std::vector<float>& cpu,
                             const char* what = "") {
  ASSERT_EQ(cuda.size(), cpu.size());
  int shown = 0;
  for (size_t i = 0; i < cuda.size() && shown < 5; ++i) {
    if (std::isnan(cuda[i]) && std::isnan(cpu[i])) continue;
    if (std::bit_cast<uint32_t>(cuda[i]) == std::bit_cast<uint32_t>(cpu[i])) continue;
    ++shown;
    ADD_FAILURE() << what << "[" << i << "] of " << cpu.size() << ": " << cuda[i]
                  << " on the device, " << cpu[i] << " on the CPU";
  }
}
inline void expect_same_bits(const std::vector<float>& cuda, const Buffer& cpu,
                             const char* what = "") {
  expect_same_bits(cuda, cpu.values(), what);
}

// A sum of n terms that was added in double and rounded once: half an ulp of the result, another
// where `expected` was rounded too, and what double loses on terms whose magnitudes sum to
// `magnitude`.
inline void expect_sum(double actual, double expected, int64_t n, double magnitude,
                       const char* what = "") {
  if (!std::isfinite(expected)) {
    expect_close(actual, expected, 1.0, 0.0, what);
    return;
  }
  const double bound = kEpsilon * std::abs(expected) + double(n) * 0x1p-53 * magnitude +
                       std::numeric_limits<float>::denorm_min();
  EXPECT_LE(std::abs(actual - expected), bound)
      << what << ": " << actual << " instead of " << expected << ", n " << n;
}

}  // namespace burin::test
