// General matrix product in single precision, row-major, with what follows it in a dense layer.
//   C[m, n] = epilogue(op(A)[m, k] op(B)[k, n]),  op(X) = X or X^T
// A dense layer of weights W[out, in] on a batch X[batch, in] needs three of them:
//   forward  Y  = X W^T + b    gemm(false, true, ...)   bias and activation in the epilogue
//   backward dX = dY W         gemm(false, false, ...)  times the derivative of the layer below
//   weights  dW = dY^T X       gemm(true, false, ...)  with db, the column sums of dY, as row_sum
// docs/maths.md#gemm
#pragma once

#include <cstdint>

#include "kernels/common/stream.h"
#include "kernels/gemm/activation.h"

namespace burin {

// What happens to s, an element of the product, once its sum over k is complete:
//   v = activation(s + bias[column])                              without derivative_output
//   v = s * activation'(.) from derivative_output[row, column]    with it (bias is then ignored)
//   C = v, or C + v if `accumulate`
struct GemmEpilogue {
  const float* bias = nullptr;  // [n], or null for none
  Activation activation = Activation::none;
  float slope = 0.2f;  // of leaky_relu, > 0
  // [m, n], rows `ld_derivative` apart: outputs of `activation`, saved by the forward pass.
  const float* derivative_output = nullptr;
  int64_t ld_derivative = 0;
  bool accumulate = false;
  // [m], or null for none: sums over k of the rows of op(A), which for op(A) = dY^T are the
  // gradient of the bias, made beside that of the weights. Overwritten, or added to if
  // row_sum_accumulate. Each is one chain of additions in double, p = 0, 1, ..., k - 1, rounded
  // once: the bits of cpu::column_sum (kernels/reduce). Overlaps nothing.
  float* row_sum = nullptr;
  bool row_sum_accumulate = false;
};

// One product of a group, as the arguments of gemm.
struct GemmProduct {
  bool transpose_a, transpose_b;
  int64_t m, n, k;
  const float* a;
  int64_t lda;
  const float* b;
  int64_t ldb;
  float* c;
  int64_t ldc;
  GemmEpilogue epilogue;
};

// Contract of the twins. m, n, k >= 0; k = 0 gives epilogue(0). A is stored [m, k], or [k, m] with
// transpose_a; B is stored [k, n], or [n, k] with transpose_b; C is [m, n]. lda, ldb and ldc are
// the distances between stored rows, at least the length of one. C is overwritten, or added to with
// `accumulate`, and nothing between its rows is touched; C must not overlap A, B or bias, but
// derivative_output may be C itself. No alignment is asked for. A zero in one factor does not hide
// an infinity or NaN in the other.
namespace cpu {

// The sum over k is one chain of fused multiply-adds, p = 0, 1, ..., k - 1; products that are
// matrix times vector with rows contiguous along k (m = 1 with transpose_b, n = 1 without
// transpose_a) sum in 32 interleaved chains, then by halves. Neither order depends on the processor
// or on threads, so the same bits come out of AVX-512, AVX2 and portable code, and of any number of
// threads. Allocates nothing.
void gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const float* a,
          int64_t lda, const float* b, int64_t ldb, float* c, int64_t ldc,
          const GemmEpilogue& epilogue, Stream stream);

// products[count], each as by gemm and with its bits. `products` is host memory, also for the CUDA
// twin, and read before the call returns. They are made in any order or at the same time: none may
// write what another reads or writes.
void gemm_group(const GemmProduct* products, int64_t count, Stream stream);

// The first rung: three loops, one thread. Kept for reading and as a reference; the same bits as
// gemm, but for the matrix times vector products named above.
void gemm_naive(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const float* a,
                int64_t lda, const float* b, int64_t ldb, float* c, int64_t ldc,
                const GemmEpilogue& epilogue, Stream stream);

// What gemm runs on: "avx512", "avx2" or "portable", the best that the processor has. The
// environment variable BURIN_SIMD=avx2 or =portable, read once, asks for less.
const char* gemm_instruction_set();

}  // namespace cpu

namespace cuda {
// The bits of cpu::gemm, but for the payload of a NaN. gemm_rungs.h has tensor cores and split
// sums.
decltype(cpu::gemm) gemm;
// The bits of cuda::gemm for each. Products of transpose_a without transpose_b, gradients of
// weights, go up to 12 (kMaxGroup, gemm_rungs.h) in one launch; others one by one.
decltype(cpu::gemm_group) gemm_group;
}  // namespace cuda

}  // namespace burin
