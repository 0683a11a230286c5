// The rungs of the matrix product on the GPU, each callable by name: for reading them in order, for
// tests that hold each to its promise, and for choosing by measurement. cuda::gemm (gemm.h) picks
// for those who need not care.
// docs/maths.md#gemm
#pragma once

#include <cstdint>
#include <string>

#include "kernels/gemm/gemm.h"

namespace burin::cuda {

// What a factor is rounded to before it is multiplied; sums are always in single precision.
//   fp32  24 bits of mantissa: not rounded
//   tf32  11 bits, to nearest, ties away from zero; the range of fp32
//   bf16   8 bits, to nearest, ties to even; the range of fp32
// Finite factors that round past the largest number become infinite.
enum class GemmPrecision { fp32, tf32, bf16 };

enum class GemmRung {
  naive,   // fp32: a thread an element, everything from global memory
  vector,  // fp32: matrix times vector with rows contiguous along k; a warp an element
  tiled,   // fp32: tiles in shared memory, 32 or 64 elements in the registers of a thread
  tensor,  // tf32, bf16: tensor cores, panels arriving by asynchronous copies in several stages
  cublas,  // all: NVIDIA's library, then a kernel for what it has no epilogue for
};

// Of `tiled` and `tensor`: 64 x 64 or 128 x 128 elements of C a block. It never changes the bits.
enum class GemmTile { automatic, small, large };

struct GemmPlan {
  GemmRung rung = GemmRung::tiled;
  GemmPrecision precision = GemmPrecision::fp32;
  GemmTile tile = GemmTile::automatic;
  // Of `tiled` and `tensor`: k is cut into at most this many ranges of equal length (a multiple of
  // 32, but for the last), whose sums are made by blocks of their own and added in rising order.
  int splits = 1;
  // Device memory, gemm_workspace(...) floats; may be null if that is 0.
  float* workspace = nullptr;
};

// The plan of cuda::gemm, which is precision fp32, and the same for the others. Depends on nothing
// but its arguments. splits is 1.
GemmPlan gemm_plan(GemmPrecision precision, bool transpose_a, bool transpose_b, int64_t m,
                   int64_t n);

// How many splits keep a large card busy: more than 1 where C is small and k is long. Depends on
// the shape alone, so that the bits are the same on every card.
int gemm_splits(int64_t m, int64_t n, int64_t k);

// Floats of workspace that a plan takes: for splits, and for `cublas` with an epilogue.
int64_t gemm_workspace(const GemmPlan& plan, int64_t m, int64_t n, int64_t k);

// Whether the rung `cublas` can run: libcublas.so.13 is found when it is first asked for, so that
// nobody needs it to start. The reason, in a line, if it cannot; else empty.
const std::string& gemm_cublas_missing();

// As cpu::gemm, by the rung named. Order of the sum over k, for a C of the same bits every time:
//   naive, tiled  one chain of fused multiply-adds, p = 0, 1, ..., k - 1: the bits of
//                 cpu::gemm_naive. With splits a chain a range, and plain additions of those.
//                 Sums of rows are not rounded by any precision; with splits each range's is
//                 rounded once, and then their sum in double.
//   vector        32 interleaved chains, then by halves: the bits of cpu::gemm
//   tensor        the order of the tensor cores within 8 or 16 terms, which NVIDIA does not tell;
//                 groups of them in rising order
//   cublas        NVIDIA's; the same for the same shape on the same card and version
// The payload of a NaN is not part of the promise. Throws std::invalid_argument for a plan that
// does not exist: a precision that the rung lacks, `vector` for another product, splits of a rung
// that has none, no workspace where it takes one; std::runtime_error where cuBLAS is missing or
// fails. Allocates nothing, but that the rung `cublas` takes up to 32 MiB at its first use on a
// device: use it once before a stream is captured. Two streams must not run its products at the
// same time.
void gemm_with(const GemmPlan& plan, bool transpose_a, bool transpose_b, int64_t m, int64_t n,
               int64_t k, const float* a, int64_t lda, const float* b, int64_t ldb, float* c,
               int64_t ldc, const GemmEpilogue& epilogue, Stream stream);

// The products that a launch of gemm_group takes at most.
inline constexpr int kMaxGroup = 12;

// As gemm_group, by `tiled` (fp32) or `tensor` (tf32, bf16) tiles; the bits of gemm_with for each.
// GemmTile::automatic goes by all products of a launch together.
void gemm_group_with(GemmPrecision precision, GemmTile tile, const GemmProduct* products,
                     int64_t count, Stream stream);

}  // namespace burin::cuda
