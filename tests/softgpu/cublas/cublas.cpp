// libcublas.so.13 for the entry points that Burin calls, on the CPU's matrix product. An entry
// point that is not here does not exist, and the program that asks for it is told so by the linker.
// Column-major C = alpha op(A) op(B) + beta C is row-major C^T = alpha op(B)^T op(A)^T + beta C^T.
#include <cublas_v2.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

#include "kernels/gemm/gemm.h"
#include "runtime/library.h"

struct cublasContext {
  cudaStream_t stream = nullptr;
  cublasMath_t math = CUBLAS_DEFAULT_MATH;
  cublasPointerMode_t pointer_mode = CUBLAS_POINTER_MODE_HOST;
};

namespace {

enum class Rounding { none, tf32, bf16 };

struct Product {
  bool transpose_a, transpose_b;
  int m, n, k;
  float alpha;
  const float* a;
  int lda;
  const float* b;
  int ldb;
  float beta;
  float* c;
  int ldc;
  Rounding rounding;
};

// To nearest: ties away from zero for tf32 (11 bits of mantissa), to even for bf16 (8 bits).
float rounded(float x, Rounding rounding) {
  if (rounding == Rounding::none || !std::isfinite(x)) return x;
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  const unsigned dropped = rounding == Rounding::tf32 ? 13 : 16;
  const uint32_t half = 1u << (dropped - 1);
  const uint32_t odd = bits >> dropped & 1u;
  bits += rounding == Rounding::tf32 ? half : half - 1 + odd;
  bits &= ~((1u << dropped) - 1);
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

// A stored matrix of `rows` columns in cuBLAS's words, without the gaps and rounded.
std::vector<float> copied(const float* x, int ld, int rows, int columns, Rounding rounding) {
  const auto* from = static_cast<const float*>(softgpu_host(x));
  std::vector<float> all;
  all.reserve(size_t(rows) * size_t(columns));
  for (int i = 0; i < rows; ++i) {
    for (int j = 0; j < columns; ++j) {
      all.push_back(rounded(from[int64_t{i} * ld + j], rounding));
    }
  }
  return all;
}

void multiply(void* context) {
  const Product& p = *static_cast<Product*>(context);
  std::vector<float> product(size_t(p.m) * size_t(p.n), 0.0f);
  if (p.k > 0 && p.alpha != 0.0f) {
    const int columns_a = p.transpose_a ? p.k : p.m, rows_a = p.transpose_a ? p.m : p.k;
    const int columns_b = p.transpose_b ? p.n : p.k, rows_b = p.transpose_b ? p.k : p.n;
    const std::vector<float> a = copied(p.a, p.lda, rows_a, columns_a, p.rounding);
    const std::vector<float> b = copied(p.b, p.ldb, rows_b, columns_b, p.rounding);
    burin::cpu::gemm(p.transpose_b, p.transpose_a, p.n, p.m, p.k, b.data(), columns_b, a.data(),
                     columns_a, product.data(), p.m, {}, {});
  }
  auto* c = static_cast<float*>(softgpu_host(p.c));
  for (int j = 0; j < p.n; ++j) {
    for (int i = 0; i < p.m; ++i) {
      float& place = c[int64_t{j} * p.ldc + i];
      const float scaled = p.alpha * product[size_t(j) * size_t(p.m) + size_t(i)];
      place = p.beta == 0.0f ? scaled : scaled + p.beta * place;  // beta = 0: C may be anything
    }
  }
}

SoftgpuRegion region(const float* x, int rows, int columns, int ld, bool read, bool written) {
  return {x,         size_t(rows), size_t(columns) * sizeof(float), size_t(ld) * sizeof(float),
          int{read}, int{written}};
}

cublasStatus_t submit(cublasHandle_t handle, const char* name, cublasOperation_t op_a,
                      cublasOperation_t op_b, int m, int n, int k, const float* alpha,
                      const float* a, int lda, const float* b, int ldb, const float* beta, float* c,
                      int ldc, Rounding rounding) {
  if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
  const auto known = [](cublasOperation_t op) {
    return op == CUBLAS_OP_N || op == CUBLAS_OP_T || op == CUBLAS_OP_C;
  };
  if (!known(op_a) || !known(op_b)) return CUBLAS_STATUS_INVALID_VALUE;
  const bool transpose_a = op_a != CUBLAS_OP_N, transpose_b = op_b != CUBLAS_OP_N;
  if (m < 0 || n < 0 || k < 0) return CUBLAS_STATUS_INVALID_VALUE;
  if (lda < std::max(1, transpose_a ? k : m) || ldb < std::max(1, transpose_b ? n : k) ||
      ldc < std::max(1, m)) {
    return CUBLAS_STATUS_INVALID_VALUE;
  }
  if (alpha == nullptr || beta == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
  if (handle->pointer_mode != CUBLAS_POINTER_MODE_HOST) {
    std::fprintf(stderr, "softgpu: not implemented: %s with alpha and beta on the device\n", name);
    return CUBLAS_STATUS_NOT_SUPPORTED;
  }
  if (m == 0 || n == 0) return CUBLAS_STATUS_SUCCESS;
  auto* const product = new Product{transpose_a, transpose_b, m,   n,     k, *alpha, a,
                                    lda,         b,           ldb, *beta, c, ldc,    rounding};
  const bool factors = k > 0 && *alpha != 0.0f;
  const SoftgpuRegion regions[] = {
      region(a, factors ? (transpose_a ? m : k) : 0, transpose_a ? k : m, lda, true, false),
      region(b, factors ? (transpose_b ? k : n) : 0, transpose_b ? n : k, ldb, true, false),
      region(c, n, m, ldc, *beta != 0.0f, true)};
  const cudaError_t status = softgpu_submit(handle->stream, name, regions, 3, multiply, product,
                                            [](void* p) { delete static_cast<Product*>(p); });
  return status == cudaSuccess ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_EXECUTION_FAILED;
}

}  // namespace

extern "C" {

cublasStatus_t cublasCreate_v2(cublasHandle_t* handle) {
  if (handle == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
  int devices = 0;
  if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
    return CUBLAS_STATUS_NOT_INITIALIZED;
  }
  *handle = new cublasContext;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasDestroy_v2(cublasHandle_t handle) {
  if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
  delete handle;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasGetVersion_v2(cublasHandle_t, int* version) {
  if (version == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
  *version = CUBLAS_VERSION;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasSetStream_v2(cublasHandle_t handle, cudaStream_t stream) {
  if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
  handle->stream = stream;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasGetStream_v2(cublasHandle_t handle, cudaStream_t* stream) {
  if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
  if (stream == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
  *stream = handle->stream;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasSetPointerMode_v2(cublasHandle_t handle, cublasPointerMode_t mode) {
  if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
  handle->pointer_mode = mode;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasSetMathMode(cublasHandle_t handle, cublasMath_t mode) {
  if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
  if (mode != CUBLAS_DEFAULT_MATH && mode != CUBLAS_PEDANTIC_MATH &&
      mode != CUBLAS_TF32_TENSOR_OP_MATH) {
    std::fprintf(stderr, "softgpu: not implemented: cublasSetMathMode(%d)\n", int{mode});
    return CUBLAS_STATUS_NOT_SUPPORTED;
  }
  handle->math = mode;
  return CUBLAS_STATUS_SUCCESS;
}
// Nothing is kept in it here.
cublasStatus_t cublasSetWorkspace_v2(cublasHandle_t handle, void* workspace, size_t) {
  if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
  return reinterpret_cast<uintptr_t>(workspace) % 256 == 0 ? CUBLAS_STATUS_SUCCESS
                                                           : CUBLAS_STATUS_INVALID_VALUE;
}

const char* cublasGetStatusString(cublasStatus_t status) {
  switch (status) {
    case CUBLAS_STATUS_SUCCESS:
      return "success";
    case CUBLAS_STATUS_NOT_INITIALIZED:
      return "the library was not initialized";
    case CUBLAS_STATUS_INVALID_VALUE:
      return "an invalid value was passed as argument";
    case CUBLAS_STATUS_EXECUTION_FAILED:
      return "the function failed to launch on the GPU";
    case CUBLAS_STATUS_NOT_SUPPORTED:
      return "the requested functionality is not supported";
    default:
      return "unknown error";
  }
}

cublasStatus_t cublasSgemm_v2(cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b,
                              int m, int n, int k, const float* alpha, const float* a, int lda,
                              const float* b, int ldb, const float* beta, float* c, int ldc) {
  const bool tf32 = handle != nullptr && handle->math == CUBLAS_TF32_TENSOR_OP_MATH;
  return submit(handle, "cublasSgemm", op_a, op_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc,
                tf32 ? Rounding::tf32 : Rounding::none);
}

cublasStatus_t cublasGemmEx(cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b,
                            int m, int n, int k, const void* alpha, const void* a,
                            cudaDataType type_a, int lda, const void* b, cudaDataType type_b,
                            int ldb, const void* beta, void* c, cudaDataType type_c, int ldc,
                            cublasComputeType_t compute, cublasGemmAlgo_t) {
  Rounding rounding = Rounding::none;
  const char* name = "cublasGemmEx";
  if (type_a != CUDA_R_32F || type_b != CUDA_R_32F || type_c != CUDA_R_32F) {
    std::fprintf(stderr, "softgpu: not implemented: %s of other types than float\n", name);
    return CUBLAS_STATUS_NOT_SUPPORTED;
  }
  switch (compute) {
    case CUBLAS_COMPUTE_32F:
    case CUBLAS_COMPUTE_32F_PEDANTIC:
      break;
    case CUBLAS_COMPUTE_32F_FAST_TF32:
      rounding = Rounding::tf32;
      name = "cublasGemmEx tf32";
      break;
    case CUBLAS_COMPUTE_32F_FAST_16BF:
      rounding = Rounding::bf16;
      name = "cublasGemmEx bf16";
      break;
    default:
      std::fprintf(stderr, "softgpu: not implemented: %s in compute type %d\n", name, int{compute});
      return CUBLAS_STATUS_NOT_SUPPORTED;
  }
  return submit(handle, name, op_a, op_b, m, n, k, static_cast<const float*>(alpha),
                static_cast<const float*>(a), lda, static_cast<const float*>(b), ldb,
                static_cast<const float*>(beta), static_cast<float*>(c), ldc, rounding);
}

}  // extern "C"
