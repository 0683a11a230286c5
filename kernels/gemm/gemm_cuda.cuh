// Inside the room: what the rungs of the matrix product on the GPU share.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/common/cuda_check.h"
#include "kernels/gemm/gemm_rungs.h"

namespace burin::cuda::detail {

// The end of a product: from finished sums to C. By value into the kernels.
struct Finish {
  float* c;  // [m, n], rows ldc apart
  int64_t ldc;
  int64_t m, n;
  const float* bias;     // [n] or null; null if there is a derivative
  const float* derived;  // [m, n] or null; may be c
  int64_t ld_derived;
  Activation activation;
  float slope;
  bool accumulate;
  bool vector;  // rows of all of them begin on 16 bytes

  // `other` is the saved output, or the bias: -0 for none, which leaves every sum as it is.
  __device__ float value(float sum, float other) const {
    if (derived != nullptr) return sum * activation_derivative(activation, other, slope);
    return apply_activation(activation, sum + other, slope);
  }

  // C(row, column) = epilogue(sum)
  __device__ void store(int64_t row, int64_t column, float sum) const {
    float other = -0.0f;
    if (derived != nullptr) {
      other = derived[row * ld_derived + column];
    } else if (bias != nullptr) {
      other = bias[column];
    }
    float* place = c + row * ldc + column;
    const float v = value(sum, other);
    *place = accumulate ? *place + v : v;
  }

  // Four columns at once; needs `vector` and column % 4 = 0.
  __device__ void store4(int64_t row, int64_t column, const float4& sum) const {
    float4 other = make_float4(-0.0f, -0.0f, -0.0f, -0.0f);
    if (derived != nullptr) {
      other = *reinterpret_cast<const float4*>(derived + row * ld_derived + column);
    } else if (bias != nullptr) {
      other = *reinterpret_cast<const float4*>(bias + column);
    }
    float4* place = reinterpret_cast<float4*>(c + row * ldc + column);
    float4 v = make_float4(value(sum.x, other.x), value(sum.y, other.y), value(sum.z, other.z),
                           value(sum.w, other.w));
    if (accumulate) {
      const float4 before = *place;
      v = make_float4(before.x + v.x, before.y + v.y, before.z + v.z, before.w + v.w);
    }
    *place = v;
  }

  // A block's sums[kRows, kColumns] in shared memory, rows kStep apart, whose first element is
  // C(row, column). Passing through shared memory makes whole rows of C out of what is scattered
  // over threads, and needs the code of the epilogue once.
  template <int kRows, int kColumns, int kStep, int kThreads>
  __device__ void store_tile(const float* sums, int64_t row, int64_t column) const {
    if (vector) {
#pragma unroll 1
      for (int i = static_cast<int>(threadIdx.x); i < kRows * kColumns / 4; i += kThreads) {
        const int r = i / (kColumns / 4), q = i % (kColumns / 4) * 4;
        if (row + r >= m || column + q >= n) continue;
        const float4 sum = *reinterpret_cast<const float4*>(sums + r * kStep + q);
        if (column + q + 4 <= n) {
          store4(row + r, column + q, sum);
        } else {
          store(row + r, column + q, sum.x);
          if (column + q + 1 < n) store(row + r, column + q + 1, sum.y);
          if (column + q + 2 < n) store(row + r, column + q + 2, sum.z);
        }
      }
    } else {
#pragma unroll 1
      for (int i = static_cast<int>(threadIdx.x); i < kRows * kColumns; i += kThreads) {
        const int r = i / kColumns, q = i % kColumns;
        if (row + r < m && column + q < n) store(row + r, column + q, sums[r * kStep + q]);
      }
    }
  }
};

// op(A)[m, k] op(B)[k, n], cut into `splits` ranges of k. With more than one, finish.c is
// partial[splits, m, n] and its epilogue is empty.
struct Product {
  bool transpose_a, transpose_b;
  int64_t m, n, k;
  const float* a;
  int64_t lda;
  const float* b;
  int64_t ldb;
  bool vector_a, vector_b;  // rows begin on 16 bytes
  int splits;
  int64_t split_depth;  // values of k in a range; a multiple of 32 if there are several
  Finish finish;
  // [m], or [splits, m] of a product in ranges; null for none. Made by blocks of their own, which
  // follow those of the tiles in the grid and run beside them.
  float* row_sum;
  bool row_sum_accumulate;
  unsigned sum_blocks;  // their number in each range of k
};

// A block of threads within its product: `block` of `blocks`, and its range of k.
struct Place {
  unsigned block, blocks, range;
};
// Of a kernel that makes one product.
__device__ inline Place place_in_grid() {
  return {blockIdx.x, gridDim.x, blockIdx.z};
}

// Rows of op(A) that a block of the tiles' kernels sums.
constexpr int kSumRows = 64;

// Whether this block is one of those. It then makes its part of x.row_sum, in its range of k: a
// thread a row, the chain of the contract.
__device__ inline bool sums_rows(const Product& x, const Place& at) {
  const unsigned tiles = at.blocks - x.sum_blocks;
  if (at.block < tiles) return false;
  const int64_t row = int64_t{at.block - tiles} * kSumRows + threadIdx.x;
  if (threadIdx.x >= kSumRows || row >= x.m) return true;
  const int64_t begin = int64_t{at.range} * x.split_depth;
  const int64_t end = begin + x.split_depth < x.k ? begin + x.split_depth : x.k;
  const float* a = x.transpose_a ? x.a + row : x.a + row * x.lda;
  const int64_t step = x.transpose_a ? x.lda : 1;
  double total = 0.0;
#pragma unroll 8
  for (int64_t p = begin; p < end; ++p) total += static_cast<double>(a[p * step]);
  float* place = x.row_sum + int64_t{at.range} * x.m + row;
  const float sum = static_cast<float>(total);
  *place = x.row_sum_accumulate ? *place + sum : sum;
  return true;
}

// The part of a product that a block takes: a kRows x kColumns tile of C and a range of k. Tiles
// that follow each other lie in the same columns and share a panel of B.
template <int kRows, int kColumns>
struct Part {
  int64_t row, column;  // of the tile's first element
  int rows, columns;    // that lie in C
  int64_t begin, depth;

  __device__ Part(const Product& x, const Place& at) {
    const int64_t down = (x.m + kRows - 1) / kRows;
    row = at.block % down * kRows;
    column = at.block / down * kColumns;
    rows = static_cast<int>(x.m - row < kRows ? x.m - row : kRows);
    columns = static_cast<int>(x.n - column < kColumns ? x.n - column : kColumns);
    begin = int64_t{at.range} * x.split_depth;
    depth = x.k - begin < x.split_depth ? x.k - begin : x.split_depth;
  }
};

// Products of one launch, whose blocks follow each other. By value into the kernels.
struct Group {
  // The transposes that there are kernels for: gradients of weights.
  static constexpr bool kTransposeA = true, kTransposeB = false;

  Product products[kMaxGroup];
  // Of each product; past the last, the number of them all. Set by lay_out.
  unsigned first_block[kMaxGroup];
  int count;

  // The product that this block is of (never one without blocks), and this block's place in it.
  __device__ int product() const {
    int found = 0;
#pragma unroll
    for (int i = 1; i < kMaxGroup; ++i) found += blockIdx.x >= first_block[i];
    return found;
  }
  __device__ Place place(int product) const {
    const unsigned first = first_block[product];
    const unsigned end = product + 1 < kMaxGroup ? first_block[product + 1] : gridDim.x;
    return {blockIdx.x - first, end - first, 0};
  }
};

inline bool on_16_bytes(const float* x, int64_t step) {
  return reinterpret_cast<uintptr_t>(x) % 16 == 0 && step % 4 == 0;
}
inline int64_t blocks_of(const Product& x, int64_t tile) {
  return (x.m + tile - 1) / tile * ((x.n + tile - 1) / tile);
}
// Large tiles read less; small ones spread over more multiprocessors.
inline bool wants_large_tile(int64_t large_tiles, GemmTile tile) {
  constexpr int64_t kMultiprocessors = 108;  // of an A100; it only has to be about right
  if (tile != GemmTile::automatic) return tile == GemmTile::large;
  return large_tiles >= kMultiprocessors;
}
inline bool wants_large_tile(const Product& x, GemmTile tile) {
  return wants_large_tile(blocks_of(x, 128) * x.splits, tile);
}
inline bool wants_large_tile(const Group& group, GemmTile tile) {
  int64_t large_tiles = 0;
  for (int i = 0; i < group.count; ++i) large_tiles += blocks_of(group.products[i], 128);
  return wants_large_tile(large_tiles, tile);
}
inline dim3 grid_of(const Product& x, int64_t tile) {
  return dim3(static_cast<unsigned>(blocks_of(x, tile)) + x.sum_blocks, 1,
              static_cast<unsigned>(x.splits));
}
// Sets the first blocks of a group's products in tiles of that size; returns the number of blocks.
inline unsigned lay_out(Group& group, int64_t tile) {
  unsigned blocks = 0;
  for (int i = 0; i < kMaxGroup; ++i) {
    group.first_block[i] = blocks;
    if (i < group.count) blocks += grid_of(group.products[i], tile).x;
  }
  return blocks;
}

// The product by cuBLAS, rounded as `precision` says; then x.finish: by cuBLAS where it is plain,
// else by add_splits from `workspace`, [m, n].
void multiply_cublas(const Product& x, GemmPrecision precision, float* workspace,
                     cudaStream_t stream);
// Whether x.finish is more than C = sum or C += sum.
inline bool has_epilogue(const Finish& finish) {
  return finish.bias != nullptr || finish.derived != nullptr ||
         finish.activation != Activation::none;
}

// The arguments of gemm as a product in `splits` ranges of k; m > 0.
Product product_of(const GemmProduct& arguments, int splits);

// The launchers of the rungs; m, n > 0.
void multiply_naive(const Product& x, cudaStream_t stream);
void multiply_vector(const Product& x, cudaStream_t stream);
void multiply_tiled(const Product& x, GemmTile tile, cudaStream_t stream);
void multiply_tf32(const Product& x, GemmTile tile, cudaStream_t stream);
void multiply_bf16(const Product& x, GemmTile tile, cudaStream_t stream);
// Products of the transposes of Group in one launch; splits 1 and m > 0 in each, and together at
// least one block.
void multiply_tiled_group(Group& group, GemmTile tile, cudaStream_t stream);
void multiply_tf32_group(Group& group, GemmTile tile, cudaStream_t stream);
void multiply_bf16_group(Group& group, GemmTile tile, cudaStream_t stream);
// x.row_sum alone, for rungs whose kernels do not make it.
void sum_rows_alone(const Product& x, cudaStream_t stream);
// C = finish(sum over s of partial[s], s = 0, 1, ..., splits - 1), and the same for the sums of
// rows: row_sum[m] = or += sum of row_partial[splits, m], unless null.
struct SplitRowSums {
  const float* partial;
  float* row_sum;
  bool accumulate;
};
void add_splits(const float* partial, int splits, const Finish& finish, const SplitRowSums& rows,
                cudaStream_t stream);

}  // namespace burin::cuda::detail
