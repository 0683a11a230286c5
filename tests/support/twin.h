// The twin under test. The tests of the rooms are compiled once for each: kernel_tests tests cpu::,
// cuda_kernel_tests tests cuda:: on whatever device the CUDA runtime has.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#ifndef BURIN_TEST_CUDA
#define BURIN_TEST_CUDA 0
#endif

#if BURIN_TEST_CUDA
#include <cuda_runtime.h>

#include "kernels/common/cuda_check.h"
#endif

namespace burin {
namespace cpu {}
namespace cuda {}
}  // namespace burin

namespace burin::test {

inline constexpr bool kTestsCuda = BURIN_TEST_CUDA;
#if BURIN_TEST_CUDA
namespace twin = burin::cuda;
#else
namespace twin = burin::cpu;
#endif

// Skips its tests, with the reason, where the twin has no device to run on. A skip is not a pass.
class TwinTest : public ::testing::Test {
 protected:
  void SetUp() override {
#if BURIN_TEST_CUDA
    int devices = 0;
    const cudaError_t status = cudaGetDeviceCount(&devices);
    if (status != cudaSuccess) GTEST_SKIP() << "no CUDA device: " << cudaGetErrorString(status);
    if (devices == 0) GTEST_SKIP() << "no CUDA device: the driver knows none";
#endif
  }
};

// n elements in the memory of the twin under test, `offset` elements past a border of 64 bytes (256
// on a device), between two guard zones that are checked when values are read and at the end.
// Filled with 0xff (NaN, -1), so that an element that a kernel forgot to write is seen. The host
// has a copy, which operator[] and values() bring up to date (waiting for the device) and data()
// hands over: take data() anew after writing by operator[].
template <class T>
class BufferOf {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  explicit BufferOf(int64_t n, int64_t offset = 1) : BufferOf(n, offset, nullptr) {}
  BufferOf(const std::vector<T>& values, int64_t offset = 1)
      : BufferOf(int64_t(values.size()), offset, values.data()) {}
  BufferOf(const BufferOf&) = delete;
  BufferOf& operator=(const BufferOf&) = delete;
  ~BufferOf() {
    try {
      values();
    } catch (const std::exception& e) {
      ADD_FAILURE() << e.what();
    }
#if BURIN_TEST_CUDA
    cudaFree(device_);
#endif
  }

  void poison() {
    set(nullptr);
  }
  T* data() {
    to_device();
    device_is_newer_ = kTestsCuda;
    return reinterpret_cast<T*>(place() + begin_);
  }
  const T* data() const {
    to_device();
    return reinterpret_cast<const T*>(place() + begin_);
  }
  int64_t size() const {
    return n_;
  }
  T& operator[](int64_t i) {
    to_host();
    host_is_newer_ = true;
    return host()[i];
  }
  T operator[](int64_t i) const {
    to_host();
    return host()[i];
  }
  std::vector<T> values() const {
    to_host();
    check_guards();
    return {host(), host() + n_};
  }

 private:
  static constexpr int64_t kBorder = kTestsCuda ? 256 : 64, kGuard = 256;  // bytes
  static constexpr unsigned char kGuardByte = 0x5a;

  BufferOf(int64_t n, int64_t offset, const T* values)
      // Without an offset a device's own checks see the borders of the allocation.
      : n_(n), guard_(kTestsCuda && offset == 0 ? 0 : kGuard) {
    begin_ = guard_ + offset * int64_t(sizeof(T));
    image_.assign(size_t(begin_ + bytes() + guard_ + kBorder), kGuardByte);
    if (!kTestsCuda) {
      const auto address = reinterpret_cast<uintptr_t>(image_.data());
      begin_ += int64_t((kBorder - address % kBorder) % kBorder);
    }
    set(values);
#if BURIN_TEST_CUDA
    image_.resize(size_t(begin_ + bytes() + guard_));
    cuda::check(cudaMalloc(&device_, std::max<size_t>(image_.size(), 1)), "cudaMalloc");
#endif
  }

  int64_t bytes() const {
    return n_ * int64_t(sizeof(T));
  }
  void set(const T* values) {
    unsigned char* to = image_.data() + begin_;
    if (values != nullptr && n_ > 0) std::memcpy(to, values, size_t(bytes()));
    if (values == nullptr) std::fill(to, to + bytes(), static_cast<unsigned char>(0xff));
    host_is_newer_ = true;
    device_is_newer_ = false;
  }
  T* host() const {
    return reinterpret_cast<T*>(image_.data() + begin_);
  }
  void to_host() const {
#if BURIN_TEST_CUDA
    if (device_is_newer_) {
      device_is_newer_ = false;
      cuda::check(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
      cuda::check(cudaMemcpy(image_.data(), device_, image_.size(), cudaMemcpyDeviceToHost),
                  "cudaMemcpy");
    }
#endif
  }
  void check_guards() const {
    for (int64_t i = 0; i < int64_t(image_.size()); ++i) {
      if (i == begin_) i += bytes();
      if (i < int64_t(image_.size()) && image_[size_t(i)] != kGuardByte) {
        ADD_FAILURE() << "wrote outside the buffer, at byte " << i - begin_ << " of " << bytes();
        image_[size_t(i)] = kGuardByte;
      }
    }
  }
#if BURIN_TEST_CUDA
  unsigned char* place() const {
    return static_cast<unsigned char*>(device_);
  }
  void to_device() const {
    if (!host_is_newer_ || image_.empty()) return;
    host_is_newer_ = false;
    cuda::check(cudaMemcpy(device_, image_.data(), image_.size(), cudaMemcpyHostToDevice),
                "cudaMemcpy");
  }
  void* device_ = nullptr;
#else
  unsigned char* place() const {
    return image_.data();
  }
  void to_device() const {}
#endif

  int64_t n_, guard_, begin_;  // begin_: bytes from the image's begin
  mutable std::vector<unsigned char> image_;
  mutable bool host_is_newer_ = true, device_is_newer_ = false;
};
using Buffer = BufferOf<float>;

}  // namespace burin::test
