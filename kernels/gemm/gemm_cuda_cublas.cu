// NVIDIA's library as one more rung. It is loaded when it is first asked for: nobody needs half a
// gigabyte of library to start, and without it the other rungs do.
#include <dlfcn.h>

#include <mutex>
#include <stdexcept>
#include <string>

#include "kernels/gemm/gemm_cuda.cuh"

#if __has_include(<cublas_v2.h>)
#include <cublas_v2.h>
#define BURIN_HAS_CUBLAS 1
#else
#define BURIN_HAS_CUBLAS 0
#endif

namespace burin::cuda {

#if BURIN_HAS_CUBLAS
namespace {

constexpr const char* kLibrary = "libcublas.so.13";
constexpr int kMaxDevices = 64;

// Of the overloads, the one with a compute type.
using GemmEx = cublasStatus_t(cublasHandle_t, cublasOperation_t, cublasOperation_t, int, int, int,
                              const void*, const void*, cudaDataType, int, const void*,
                              cudaDataType, int, const void*, void*, cudaDataType, int,
                              cublasComputeType_t, cublasGemmAlgo_t);

struct Cublas {
  decltype(&cublasCreate_v2) create = nullptr;
  decltype(&cublasSetStream_v2) set_stream = nullptr;
  decltype(&cublasSetWorkspace_v2) set_workspace = nullptr;
  GemmEx* gemm = nullptr;
  decltype(&cublasGetStatusString) status_string = nullptr;
  std::string missing;  // why it cannot be used; empty: it can

  Cublas() {
    void* const library = dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
      missing = std::string("cuBLAS cannot be loaded: ") + dlerror();
      return;
    }
    find(library, "cublasCreate_v2", create);
    find(library, "cublasSetStream_v2", set_stream);
    find(library, "cublasSetWorkspace_v2", set_workspace);
    find(library, "cublasGemmEx", gemm);
    find(library, "cublasGetStatusString", status_string);
  }

  template <class F>
  void find(void* library, const char* name, F& function) {
    function = reinterpret_cast<F>(dlsym(library, name));
    if (function == nullptr) missing = std::string(kLibrary) + " has no " + name;
  }
};

const Cublas& cublas() {
  static const Cublas library;
  return library;
}

void check_cublas(cublasStatus_t status, const char* what) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw std::runtime_error(std::string(what) + ": " + cublas().status_string(status));
}

// A device's handle, and memory for cuBLAS to work in: what it takes by itself while a stream is
// captured would belong to the graph, and its results may depend on what it gets. Sizes as NVIDIA
// recommends, "cublasSetWorkspace": 32 MiB from Hopper on, else 4 MiB.
struct Context {
  cublasHandle_t handle = nullptr;
  void* workspace = nullptr;
  size_t bytes = 0;

  void create(int device) {
    int major = 0;
    check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device),
          "cudaDeviceGetAttribute");
    bytes = size_t{major >= 9 ? 32u : 4u} << 20;
    if (workspace == nullptr) check(cudaMalloc(&workspace, bytes), "cudaMalloc for cuBLAS");
    check_cublas(cublas().create(&handle), "cublasCreate");
  }
  ~Context() { cudaFree(workspace); }  // at the end of the process, where nobody hears of errors
};

// For the life of the process. The caller holds the lock until its call is on the stream: a handle
// has one stream at a time. cublasSetStream takes the workspace away, so it is set after it.
std::mutex handle_mutex;
cublasHandle_t handle_on(cudaStream_t stream) {
  static Context contexts[kMaxDevices];
  int device = 0;
  check(cudaGetDevice(&device), "cudaGetDevice");
  if (device >= kMaxDevices) throw std::runtime_error("cuBLAS: more than 64 devices");
  Context& context = contexts[device];
  if (context.handle == nullptr) context.create(device);
  check_cublas(cublas().set_stream(context.handle, stream), "cublasSetStream");
  check_cublas(cublas().set_workspace(context.handle, context.workspace, context.bytes),
               "cublasSetWorkspace");
  return context.handle;
}

cublasComputeType_t compute_type(GemmPrecision precision) {
  switch (precision) {
    case GemmPrecision::tf32:
      return CUBLAS_COMPUTE_32F_FAST_TF32;
    case GemmPrecision::bf16:
      return CUBLAS_COMPUTE_32F_FAST_16BF;
    default:
      return CUBLAS_COMPUTE_32F;
  }
}

}  // namespace

const std::string& gemm_cublas_missing() {
  return cublas().missing;
}

namespace detail {

void multiply_cublas(const Product& x, GemmPrecision precision, float* workspace,
                     cudaStream_t stream) {
  if (!cublas().missing.empty()) throw std::runtime_error("gemm: " + cublas().missing);
  constexpr int64_t kLargest = 0x7fffffff;
  for (const int64_t size : {x.m, x.n, x.k, x.lda, x.ldb, x.finish.ldc}) {
    if (size > kLargest) throw std::invalid_argument("gemm: too large for the rung cublas");
  }
  const bool has_more = has_epilogue(x.finish);
  float* const c = has_more ? workspace : x.finish.c;
  const int64_t ldc = has_more ? x.n : x.finish.ldc;
  const float alpha = 1.0f, beta = !has_more && x.finish.accumulate ? 1.0f : 0.0f;
  const auto op = [](bool transpose) { return transpose ? CUBLAS_OP_T : CUBLAS_OP_N; };
  const auto narrow = [](int64_t size) { return static_cast<int>(size < 1 ? 1 : size); };
  {
    const std::lock_guard lock(handle_mutex);
    const cublasHandle_t handle = handle_on(stream);
    // cuBLAS stores columns: C^T = op(B)^T op(A)^T.
    check_cublas(
        cublas().gemm(handle, op(x.transpose_b), op(x.transpose_a), static_cast<int>(x.n),
                      static_cast<int>(x.m), static_cast<int>(x.k), &alpha, x.b, CUDA_R_32F,
                      narrow(x.ldb), x.a, CUDA_R_32F, narrow(x.lda), &beta, c, CUDA_R_32F,
                      narrow(ldc), compute_type(precision), CUBLAS_GEMM_DEFAULT),
        "cublasGemmEx");
  }
  if (has_more) add_splits(workspace, 1, x.finish, {}, stream);
  sum_rows_alone(x, stream);
}

}  // namespace detail

#else

const std::string& gemm_cublas_missing() {
  static const std::string missing = "built without cublas_v2.h";
  return missing;
}

namespace detail {
void multiply_cublas(const Product&, GemmPrecision, float*, cudaStream_t) {
  throw std::runtime_error("gemm: " + gemm_cublas_missing());
}
}  // namespace detail

#endif

}  // namespace burin::cuda
