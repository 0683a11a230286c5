// The stand-in for cuBLAS: products against an oracle in double, cuBLAS's status codes, and work on
// a stream like a kernel's.
#include <cublas_v2.h>
#include <dlfcn.h>

#include "test/support/device_run.h"

namespace {

class Cublas : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(cublasCreate(&handle_), CUBLAS_STATUS_SUCCESS); }
  void TearDown() override { EXPECT_EQ(cublasDestroy(handle_), CUBLAS_STATUS_SUCCESS); }
  cublasHandle_t handle_ = nullptr;
};

std::vector<float> some(size_t n, unsigned seed) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(n);
  for (float& v : values) v = normal(engine);
  return values;
}

// Not the real one, which may be installed beside.
TEST_F(Cublas, IsTheStandIn) {
  Dl_info info{};
  ASSERT_NE(dladdr(reinterpret_cast<void*>(&cublasSgemm), &info), 0);
  Dl_info runtime{};
  ASSERT_NE(dladdr(dlsym(RTLD_DEFAULT, "softgpu_counters_json"), &runtime), 0);
  const auto folder = [](const std::string& path) { return path.substr(0, path.rfind('/')); };
  EXPECT_EQ(folder(info.dli_fname), folder(runtime.dli_fname));
  int version = 0;
  EXPECT_EQ(cublasGetVersion(handle_, &version), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(version / 10000, 13);
}

TEST_F(Cublas, ProductsAreTheOracle) {
  for (const int m : {1, 5, 33}) {
    for (const int n : {1, 7, 31}) {
      for (const int k : {0, 1, 19}) {
        for (int turn = 0; turn < 9; ++turn) {
          const cublasOperation_t ops[] = {CUBLAS_OP_N, CUBLAS_OP_T, CUBLAS_OP_C};
          const cublasOperation_t op_a = ops[turn % 3], op_b = ops[turn / 3];
          const bool ta = op_a != CUBLAS_OP_N, tb = op_b != CUBLAS_OP_N;
          const int lda = (ta ? k : m) + 2, ldb = (tb ? n : k) + 3, ldc = m + 1;
          const std::vector<float> a = some(size_t(lda) * (ta ? m : k), 1);
          const std::vector<float> b = some(size_t(ldb) * (tb ? k : n), 2);
          const std::vector<float> c = some(size_t(ldc) * n, 3);
          const float alpha = -1.5f, beta = turn % 2 == 0 ? 0.0f : 0.5f;
          Device<float> device_a(a), device_b(b), device_c(c);
          ASSERT_EQ(cublasSgemm(handle_, op_a, op_b, m, n, k, &alpha, device_a.get(), lda,
                                device_b.get(), ldb, &beta, device_c.get(), ldc),
                    CUBLAS_STATUS_SUCCESS);
          const std::vector<float> actual = device_c.values();
          for (int j = 0; j < n; ++j) {
            for (int i = 0; i < ldc; ++i) {
              const size_t at = size_t(j) * ldc + i;
              if (i >= m) {
                EXPECT_EQ(actual[at], c[at]) << "between columns";
                continue;
              }
              double sum = 0, size = 0;
              for (int p = 0; p < k; ++p) {
                const double x = a[ta ? size_t(i) * lda + p : size_t(p) * lda + i];
                const double y = b[tb ? size_t(p) * ldb + j : size_t(j) * ldb + p];
                sum += x * y;
                size += std::abs(x * y);
              }
              const double expected = alpha * sum + double{beta} * c[at];
              EXPECT_NEAR(actual[at], expected, 1e-6 * (2 * size + std::abs(c[at]) + 1e-6));
            }
          }
        }
      }
    }
  }
}

// With beta = 0, C is not read: NaN goes. Without alpha or k, the factors are not.
TEST_F(Cublas, WhatIsNotNeededIsNotRead) {
  Device<float> a(std::vector<float>{2.0f}), c(std::vector<float>{NAN});
  const float zero = 0.0f, one = 1.0f;
  ASSERT_EQ(cublasSgemm(handle_, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &one, a.get(), 1, a.get(), 1,
                        &zero, c.get(), 1),
            CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(c.values()[0], 4.0f);
  ASSERT_EQ(cublasSgemm(handle_, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &zero, nullptr, 1, nullptr, 1,
                        &one, c.get(), 1),
            CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(c.values()[0], 4.0f);
}

// 1 + 2^-11 is half way between two tf32 numbers, 1 + 2^-8 between two of bf16.
TEST_F(Cublas, ComputeTypesRoundTheFactors) {
  const auto product = [&](float x, cublasComputeType_t type) {
    Device<float> a(std::vector<float>{x}), b(std::vector<float>{1.0f}), c(1);
    const float one = 1.0f, zero = 0.0f;
    EXPECT_EQ(cublasGemmEx(handle_, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &one, a.get(), CUDA_R_32F, 1,
                           b.get(), CUDA_R_32F, 1, &zero, c.get(), CUDA_R_32F, 1, type,
                           CUBLAS_GEMM_DEFAULT),
              CUBLAS_STATUS_SUCCESS);
    return c.values()[0];
  };
  EXPECT_EQ(product(1.0f + 0x1p-23f, CUBLAS_COMPUTE_32F), 1.0f + 0x1p-23f);
  EXPECT_EQ(product(1.0f + 0x1p-11f, CUBLAS_COMPUTE_32F_FAST_TF32),
            1.0f + 0x1p-10f);  // away from 0
  EXPECT_EQ(product(1.0f + 0x1p-12f, CUBLAS_COMPUTE_32F_FAST_TF32), 1.0f);
  EXPECT_EQ(product(1.0f + 0x1p-8f, CUBLAS_COMPUTE_32F_FAST_16BF), 1.0f);  // to even
  EXPECT_EQ(product(1.0f + 3 * 0x1p-8f, CUBLAS_COMPUTE_32F_FAST_16BF), 1.0f + 0x1p-6f);
}

TEST_F(Cublas, StatusCodesAreCublass) {
  Device<float> x(16);
  const float one = 1.0f;
  const auto gemm = [&](cublasHandle_t handle, int m, int lda, const float* alpha) {
    return cublasSgemm(handle, CUBLAS_OP_N, CUBLAS_OP_N, m, 2, 2, alpha, x.get(), lda, x.get(), 2,
                       &one, x.get(), 2);
  };
  EXPECT_EQ(gemm(nullptr, 2, 2, &one), CUBLAS_STATUS_NOT_INITIALIZED);
  EXPECT_EQ(gemm(handle_, -1, 2, &one), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(gemm(handle_, 2, 1, &one), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(gemm(handle_, 2, 2, nullptr), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(gemm(handle_, 0, 2, &one), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(cublasSetPointerMode(handle_, CUBLAS_POINTER_MODE_DEVICE), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(gemm(handle_, 2, 2, &one), CUBLAS_STATUS_NOT_SUPPORTED);
  EXPECT_EQ(cublasGemmEx(handle_, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &one, x.get(), CUDA_R_16F, 1,
                         x.get(), CUDA_R_16F, 1, &one, x.get(), CUDA_R_16F, 1, CUBLAS_COMPUTE_32F,
                         CUBLAS_GEMM_DEFAULT),
            CUBLAS_STATUS_NOT_SUPPORTED);
  EXPECT_STREQ(cublasGetStatusString(CUBLAS_STATUS_INVALID_VALUE),
               "an invalid value was passed as argument");
}

__global__ void set(float* x, float value) {
  *x = value;
}

// On its stream behind a kernel, captured with it, and replayed with what is in memory then.
TEST_F(Cublas, IsCapturedAndReplayed) {
  Device<float> a(std::vector<float>{0.0f}), b(std::vector<float>{3.0f}),
      c(std::vector<float>{1.0f});
  cudaStream_t stream;
  ASSERT_EQ(cudaStreamCreate(&stream), cudaSuccess);
  ASSERT_EQ(cublasSetStream(handle_, stream), CUBLAS_STATUS_SUCCESS);
  cudaStream_t got = nullptr;
  EXPECT_EQ(cublasGetStream(handle_, &got), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(got, stream);
  ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), cudaSuccess);
  set<<<1, 1, 0, stream>>>(a.get(), 2.0f);
  const float one = 1.0f;
  ASSERT_EQ(cublasSgemm(handle_, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &one, a.get(), 1, b.get(), 1,
                        &one, c.get(), 1),
            CUBLAS_STATUS_SUCCESS);
  cudaGraph_t graph;
  ASSERT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
  EXPECT_EQ(c.values()[0], 1.0f) << "ran while it was captured";
  cudaGraphExec_t program;
  ASSERT_EQ(cudaGraphInstantiate(&program, graph, 0), cudaSuccess);
  for (const float expected : {7.0f, 13.0f}) {
    ASSERT_EQ(cudaGraphLaunch(program, stream), cudaSuccess);
    ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
    EXPECT_EQ(c.values()[0], expected);
  }
  EXPECT_EQ(cudaGraphExecDestroy(program), cudaSuccess);
  EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
  EXPECT_EQ(cudaStreamDestroy(stream), cudaSuccess);
}

}  // namespace
