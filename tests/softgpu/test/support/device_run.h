// Runs one instruction over vectors of operands.
#pragma once

#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

// std::bit_cast, which nvcc's front end lacks.
template <class To, class From>
To bit_as(From v) {
  static_assert(sizeof(To) == sizeof(From));
  To r;
  std::memcpy(&r, &v, sizeof r);
  return r;
}

template <class T>
class Device {
 public:
  explicit Device(const std::vector<T>& v) : n_(v.size()) {
    EXPECT_EQ(cudaMalloc(&data_, n_ * sizeof(T)), cudaSuccess);
    EXPECT_EQ(cudaMemcpy(data_, v.data(), n_ * sizeof(T), cudaMemcpyHostToDevice), cudaSuccess);
  }
  explicit Device(size_t n) : Device(std::vector<T>(n)) {}
  ~Device() { cudaFree(data_); }
  Device(const Device&) = delete;
  T* get() { return data_; }
  std::vector<T> values() const {
    std::vector<T> v(n_);
    EXPECT_EQ(cudaMemcpy(v.data(), data_, n_ * sizeof(T), cudaMemcpyDeviceToHost), cudaSuccess);
    return v;
  }

 private:
  size_t n_;
  T* data_ = nullptr;
};

// OPERATION(name, result type, (operand types), code): `code` computes r from x, y, z.
#define OPERATION(NAME, R, A, B, C, CODE)      \
  struct NAME {                                \
    using Result = R;                          \
    using First = A;                           \
    using Second = B;                          \
    using Third = C;                           \
    static __device__ R apply(A x, B y, C z) { \
      R r;                                     \
      (void)x, (void)y, (void)z;               \
      CODE;                                    \
      return r;                                \
    }                                          \
  };

template <class Op>
__global__ void apply_all(const typename Op::First* x, const typename Op::Second* y,
                          const typename Op::Third* z, typename Op::Result* r, size_t n) {
  for (size_t i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x)
    r[i] = Op::apply(x[i], y[i], z[i]);
}

// Every combination of the operands, up to a limit: x varies fastest.
template <class Op, class F>
void check_operation(const char* name, const std::vector<typename Op::First>& xs,
                     const std::vector<typename Op::Second>& ys,
                     const std::vector<typename Op::Third>& zs, F expected) {
  std::vector<typename Op::First> x;
  std::vector<typename Op::Second> y;
  std::vector<typename Op::Third> z;
  for (const auto c : zs) {
    for (const auto b : ys) {
      for (const auto a : xs) x.push_back(a), y.push_back(b), z.push_back(c);
    }
  }
  Device<typename Op::First> dx(x);
  Device<typename Op::Second> dy(y);
  Device<typename Op::Third> dz(z);
  Device<typename Op::Result> dr(x.size());
  apply_all<Op><<<8, 128>>>(dx.get(), dy.get(), dz.get(), dr.get(), x.size());
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess) << name;
  const auto r = dr.values();
  int wrong = 0;
  for (size_t i = 0; i < x.size() && wrong < 5; ++i) {
    const typename Op::Result e = expected(x[i], y[i], z[i]);
    if (std::memcmp(&e, &r[i], sizeof e) != 0) {
      ++wrong;
      ADD_FAILURE() << name << "(" << +x[i] << ", " << +y[i] << ", " << +z[i] << ") is " << +r[i]
                    << " instead of " << +e;
    }
  }
}

inline std::vector<uint32_t> words32() {
  std::vector<uint32_t> v = {0,          1,          2,          3,          7,
                             31,         32,         33,         0x7fffffff, 0x80000000,
                             0xffffffff, 0xfffffffe, 0xff00ff00, 0x12345678};
  std::mt19937 engine(5);
  for (int i = 0; i < 20; ++i) v.push_back(static_cast<uint32_t>(engine()) >> (i % 3 * 8));
  return v;
}
inline std::vector<uint64_t> words64() {
  std::vector<uint64_t> v = {
      0, 1, 63, 64, 0x7fffffffffffffff, 0x8000000000000000, ~0ull, 0xffffffff, 0x100000000};
  std::mt19937_64 engine(6);
  for (int i = 0; i < 20; ++i) v.push_back(engine() >> (i % 4 * 12));
  return v;
}
template <class T, class U>
std::vector<T> as(const std::vector<U>& v) {
  std::vector<T> r;
  for (const U x : v) r.push_back(static_cast<T>(x));
  return r;
}
// Zeros, denormals, ties, ends of the range, infinities, NaNs with payloads, and numbers.
inline std::vector<float> floats() {
  std::vector<float> v;
  for (const uint32_t b :
       {0x00000000u, 0x80000000u, 0x00000001u, 0x807fffffu, 0x00800000u, 0x3f800000u,
        0xbf800001u, 0x3f7fffffu, 0x4b000001u, 0x7f7fffffu, 0xff7fffffu, 0x7f800000u,
        0xff800000u, 0x7fc01234u, 0xffc00000u, 0x3fc00000u, 0x40200000u, 0xc0200000u,
        0x4f000000u, 0xcf000000u, 0x5f000000u}) {
    v.push_back(bit_as<float>(b));
  }
  std::mt19937 engine(7);
  for (int i = 0; i < 12; ++i) v.push_back(bit_as<float>(static_cast<uint32_t>(engine())));
  std::normal_distribution<float> normal;
  for (int i = 0; i < 12; ++i) v.push_back(normal(engine) * (i < 6 ? 1.0f : 100.0f));
  return v;
}
inline std::vector<double> doubles() {
  std::vector<double> v;
  for (const float f : floats()) v.push_back(f);
  std::mt19937_64 engine(8);
  for (int i = 0; i < 12; ++i) v.push_back(bit_as<double>(static_cast<uint64_t>(engine())));
  std::normal_distribution<double> normal;
  for (int i = 0; i < 12; ++i) v.push_back(normal(engine));
  v.push_back(0x1.0000010000001p0);  // rounds twice to another float than once
  return v;
}
inline float canonical(float x) {
  return std::isnan(x) ? bit_as<float>(0x7fffffffu) : x;
}
inline double canonical(double x) {
  return std::isnan(x) ? bit_as<double>(0x7fffffffffffffffull) : x;
}
