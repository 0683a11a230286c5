// What the tests of the matrix product on the GPU share: products on the host and their copy on the
// device, poisoned and guarded.
#pragma once

#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "kernels/gemm/gemm_rungs.h"
#include "tests/oracle.h"
#include "tests/support/kernel_case.h"

namespace burin::test {

inline void check_cuda(cudaError_t status) {
  if (status != cudaSuccess) throw std::runtime_error(cudaGetErrorString(status));
}

// Skips where no device is found.
class CudaTest : public testing::Test {
 protected:
  void SetUp() override {
    int devices = 0;
    const cudaError_t status = cudaGetDeviceCount(&devices);
    if (status != cudaSuccess || devices == 0) {
      GTEST_SKIP() << "no CUDA device: " << cudaGetErrorString(status);
    }
  }
};

// The device's copy of floats on the host, `offset` floats past a 256-byte border and between two
// guard zones, checked at the end.
class DeviceFloats {
 public:
  DeviceFloats(const std::vector<float>& values, int64_t offset)
      : n_(int64_t(values.size())), offset_(offset) {
    std::vector<float> all(size_t(n_ + offset + 2 * kGuard), kGuardValue);
    std::copy(values.begin(), values.end(), all.begin() + kGuard + offset);
    check_cuda(cudaMalloc(reinterpret_cast<void**>(&memory_), all.size() * sizeof(float)));
    check_cuda(cudaMemcpy(memory_, all.data(), all.size() * sizeof(float), cudaMemcpyHostToDevice));
  }
  DeviceFloats(const DeviceFloats&) = delete;
  DeviceFloats& operator=(const DeviceFloats&) = delete;
  ~DeviceFloats() {
    std::vector<float> all(size_t(n_ + offset_ + 2 * kGuard));
    const cudaError_t status =
        cudaMemcpy(all.data(), memory_, all.size() * sizeof(float), cudaMemcpyDeviceToHost);
    EXPECT_EQ(status, cudaSuccess) << cudaGetErrorString(status);
    for (int64_t i = 0; status == cudaSuccess && i < int64_t(all.size()); ++i) {
      const bool guard = i < kGuard + offset_ || i >= kGuard + offset_ + n_;
      if (guard && all[size_t(i)] != kGuardValue) {
        ADD_FAILURE() << "wrote outside, at " << i - kGuard - offset_ << " of " << n_;
      }
    }
    cudaFree(memory_);
  }

  float* data() { return memory_ + kGuard + offset_; }
  std::vector<float> values() const {
    std::vector<float> values(static_cast<size_t>(n_));
    check_cuda(cudaMemcpy(values.data(), memory_ + kGuard + offset_, values.size() * sizeof(float),
                          cudaMemcpyDeviceToHost));
    return values;
  }

 private:
  static constexpr int64_t kGuard = 64;
  static constexpr float kGuardValue = -1.2345678e30f;
  int64_t n_, offset_;
  float* memory_ = nullptr;
};

struct GemmShape {
  int64_t m, n, k;
};

// Where rows begin: `padding` floats between them, `offset` floats past a border. All on 16 bytes,
// or A, or B, or none.
struct Placement {
  int64_t padding_a, offset_a, padding_b, offset_b, offset_c;
};
inline const std::vector<Placement> kPlacements = {
    {0, 0, 0, 0, 0}, {1, 1, 3, 2, 3}, {0, 0, 2, 1, 0}, {1, 0, 0, 4, 1}};

// op(A)[m, k], op(B)[k, n], C[m, n] and a saved output, with NaN between their rows.
struct GemmCase {
  bool ta, tb;
  int64_t m, n, k, lda, ldb, ldc, ld_saved;
  Placement at;
  std::vector<float> a, b, c, saved, bias;

  // Rows as long as `at` says, rounded up to four where its padding is 0. Values are normal, or
  // multiples of 1/4 below 2, whose products and sums are exact in any precision and order.
  GemmCase(const GemmShape& shape, bool transpose_a, bool transpose_b, const Placement& placement,
           bool exact = false)
      : ta(transpose_a), tb(transpose_b), m(shape.m), n(shape.n), k(shape.k), at(placement) {
    lda = step(ta ? m : k, at.padding_a);
    ldb = step(tb ? k : n, at.padding_b);
    ldc = step(n, at.offset_c % 4);
    ld_saved = step(n, at.offset_c % 4) + (at.offset_c % 4 == 0 ? 4 : 1);
    a = fill(ta ? k : m, ta ? m : k, lda, 1, exact);
    b = fill(tb ? n : k, tb ? k : n, ldb, 2, exact);
    saved = fill(m, n, ld_saved, 3, exact);
    bias = fill(1, n, n, 7, exact);
    c.assign(size_t(m * ldc), NAN);
  }

  static int64_t step(int64_t length, int64_t padding) {
    return padding == 0 ? (length + 3) / 4 * 4 : length + padding;
  }
  static std::vector<float> fill(int64_t rows, int64_t columns, int64_t step, uint32_t seed,
                                 bool exact = false) {
    std::vector<float> x(size_t(rows * step), NAN);
    const std::vector<float> values = random_values(rows * columns, 1.0, seed);
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = 0; j < columns; ++j) {
        float v = values[size_t(i * columns + j)];
        if (exact) v = std::round(std::fmax(-7.0f, std::fmin(7.0f, 4.0f * v))) / 4.0f;
        x[size_t(i * step + j)] = v;
      }
    }
    return x;
  }

  float& a_at(int64_t i, int64_t p) { return a[size_t(ta ? p * lda + i : i * lda + p)]; }
  float& b_at(int64_t p, int64_t j) { return b[size_t(tb ? j * ldb + p : p * ldb + j)]; }
  oracle::GemmSum sum(int64_t i, int64_t j) {
    return oracle::gemm_sum(
        k, [&](int64_t p) { return a_at(i, p); }, [&](int64_t p) { return b_at(p, j); });
  }
  std::string name() const {
    return std::string(ta ? "T" : "N") + (tb ? "T " : "N ") + std::to_string(m) + " " +
           std::to_string(n) + " " + std::to_string(k) + " placed " + std::to_string(at.offset_a) +
           std::to_string(at.offset_b) + std::to_string(at.offset_c);
  }
  bool is_matrix_vector() const { return (n == 1 && !ta) || (m == 1 && tb); }

  // Null pointers of an epilogue stay null; others mean this case's bias and saved output.
  GemmEpilogue with(GemmEpilogue epilogue, const float* its_bias, const float* its_saved) const {
    if (epilogue.bias != nullptr) epilogue.bias = its_bias;
    if (epilogue.derivative_output != nullptr) epilogue.derivative_output = its_saved;
    epilogue.ld_derivative = ld_saved;
    return epilogue;
  }

  // C after one product on the device: by cuda::gemm if `plan` is null. Checks that nothing else
  // was written.
  std::vector<float> run(const cuda::GemmPlan* plan, const GemmEpilogue& epilogue = {}) const {
    DeviceFloats da(a, at.offset_a), db(b, at.offset_b), dc(c, at.offset_c);
    DeviceFloats dbias(bias, at.offset_c), dsaved(saved, at.offset_c);
    const GemmEpilogue e = with(epilogue, dbias.data(), dsaved.data());
    if (plan == nullptr) {
      cuda::gemm(ta, tb, m, n, k, da.data(), lda, db.data(), ldb, dc.data(), ldc, e, {});
    } else {
      cuda::GemmPlan p = *plan;
      const int64_t floats = cuda::gemm_workspace(p.splits, m, n, k);
      DeviceFloats workspace(std::vector<float>(size_t(floats), NAN), at.offset_c);
      p.workspace = workspace.data();
      cuda::gemm_with(p, ta, tb, m, n, k, da.data(), lda, db.data(), ldb, dc.data(), ldc, e, {});
      check_cuda(cudaDeviceSynchronize());  // before the workspace goes
    }
    check_cuda(cudaDeviceSynchronize());
    const std::vector<float> result = dc.values();
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t j = n; j < ldc; ++j) {
        EXPECT_TRUE(std::isnan(result[size_t(i * ldc + j)])) << name() << ": wrote between rows";
      }
    }
    return result;
  }
  template <class Gemm>
  std::vector<float> run_on_cpu(const Gemm& gemm, const GemmEpilogue& epilogue = {}) const {
    std::vector<float> result = c;
    gemm(ta, tb, m, n, k, a.data(), lda, b.data(), ldb, result.data(), ldc,
         with(epilogue, bias.data(), saved.data()), Stream{});
    return result;
  }

  // The same bits within the rows; any NaN is the same as any other.
  void expect_same(const std::vector<float>& actual, const std::vector<float>& expected,
                   const char* what) const {
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        const float x = actual[size_t(i * ldc + j)], y = expected[size_t(i * ldc + j)];
        if (std::memcmp(&x, &y, sizeof x) != 0 && !(std::isnan(x) && std::isnan(y))) {
          ADD_FAILURE() << what << " " << name() << " at " << i << ", " << j << ": " << x
                        << " instead of " << y;
          return;
        }
      }
    }
  }
};

template <class Body>
void for_each_transpose(const Body& body) {
  for (const bool ta : {false, true}) {
    for (const bool tb : {false, true}) body(ta, tb);
  }
}

}  // namespace burin::test
