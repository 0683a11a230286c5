// Inside the room: what the driver (gemm_cpu.cpp) asks of an instruction set. Each set is one file,
// gemm_microkernel_<set>.cpp, that instantiates gemm_microkernel_impl.h with its vector type.
#pragma once

#include <array>
#include <cstdint>

#include "kernels/gemm/gemm.h"
#include "kernels/gemm/gemm_ones.h"

namespace burin::cpu::detail {

// Limits of the blocking. A packed panel, kMaxDepth x 32 floats, is 128 KiB: it stays in the second
// level cache while the rows of A pass by.
inline constexpr int kMaxDepth = 1024;   // of k in one pass
inline constexpr int kMaxPanel = 32;     // columns of a panel
inline constexpr int kMaxTileRows = 14;  // rows of a tile
inline constexpr int kMaxShapes = 4;     // widths of a tile
inline constexpr int kMaxAsks = 2;       // Tile::asks
inline constexpr int kDotLanes = 32;     // interleaved sums of the matrix times vector products
inline constexpr int kCacheLine = 16;    // floats
inline constexpr int kListWidth = 16;    // columns that the walks along lists make together
inline constexpr int kLists = 4;         // lists walked together, so that their sums overlap

// What a tile does to its finished sums while they are in registers; curved: tanh or sigmoid, whose
// functions take one way through memory. `other` goes there as often as it needs and does anything.
enum class Finish {
  store,
  accumulate,
  bias_leaky,
  bias_curved,
  leaky_derivative,
  curved_derivative,
  other
};

// One tile of C: `rows` (fixed by the function called) x `columns` sums over `depth` values of k.
struct Tile {
  // Element (i, p) of op(A) is a[i * a_row + p * a_depth]; one of the two steps is 1.
  const float* a;
  int64_t a_row;
  int64_t a_depth;
  // Row p of the panel of op(B), the whole width of the tile readable, is at b + p * b_depth.
  const float* b;
  int64_t b_depth;
  int64_t depth;
  // Where multiply_and_pack leaves row p of op(B), the whole width, at panel + p * width.
  float* panel;
  // What is asked to come to the second level cache meanwhile, because the end of this tile or a
  // later tile will want it: with each p, two cache lines; first those at asks[0].first + i *
  // asks[0].step for i < asks[0].count, then those of asks[1]. Nothing need be there at all.
  struct Ask {
    const float* first;
    int64_t step;
    int64_t count;
  };
  std::array<Ask, kMaxAsks> asks;
  // [rows, width] partial sums, `width` that of all the tile's vectors. Read unless `first`;
  // written unless `last`, in which case C is.
  float* partial;
  bool first;
  bool last;
  float* c;  // [rows, columns], rows ldc apart
  int64_t ldc;
  int64_t columns;
  Finish finish;
  float slope;              // of bias_leaky and leaky_derivative; 1 if there is no activation
  const float* bias;        // of the first column, or null
  const float* derivative;  // of the first element, or null
  const GemmEpilogue* epilogue;
};

using TileFunction = void (*)(const Tile&);

struct MicroKernel {
  const char* name;
  int rows;    // the most rows of a tile
  int shapes;  // how many widths of tile there are: multiples of the narrowest, in rising order
  int width[kMaxShapes];
  // multiply[a_depth != 1][shape][rows - 1]
  TileFunction multiply[2][kMaxShapes][kMaxTileRows];
  // The same for the widest shape, for a tile that reads op(B) where it lies; in `multiply`,
  // b_depth is the width.
  TileFunction multiply_and_pack[2][kMaxTileRows];
  // panel[depth, width] = columns 0 .. columns - 1 of op(B), zeros behind them. op(B) element (p,
  // j) is b[p * ldb + j], or b[j * ldb + p] in the transposed one.
  void (*pack)(const float* b, int64_t ldb, int64_t depth, int64_t columns, int64_t width,
               float* panel);
  void (*pack_transposed)(const float* b, int64_t ldb, int64_t depth, int64_t columns,
                          int64_t width, float* panel);
  // sums[rows] = a[rows, k] x[k]
  void (*dot_rows)(const float* a, int64_t lda, int64_t rows, int64_t k, const float* x,
                   float* sums);
  // sums[kLists, kListWidth]: sums[i] = the sum of from[list[i * stride + t]] over t = 0, ...,
  // count - 1, one chain of additions that begins with 0; from[*, kListWidth].
  void (*add_listed)(const float* from, const uint16_t* list, int64_t stride, int64_t count,
                     float* sums);
  // to[list[t]] += value[kListWidth] for t = 0, ..., count - 1; to[*, kListWidth].
  void (*add_to_listed)(const float* value, const uint16_t* list, int64_t count, float* to);
  // C[rows, columns] of the tile = epilogue(sums[rows, columns]), rows of `sums` ld_sums apart.
  // sums is overwritten, and is readable for kMaxPanel floats behind its end.
  void (*finish)(float* sums, int64_t ld_sums, int64_t rows, const Tile& tile);
};

// Null if the build or the processor lacks the set; the portable one is always there.
const MicroKernel* microkernel_avx512();
const MicroKernel* microkernel_avx2();
const MicroKernel* microkernel_portable();

// The one that gemm runs on: gemm_instruction_set.
const MicroKernel& chosen_kernel();

// The products on a chosen set, for the tests.
void gemm_on(const MicroKernel& kernel, bool transpose_a, bool transpose_b, int64_t m, int64_t n,
             int64_t k, const float* a, int64_t lda, const float* b, int64_t ldb, float* c,
             int64_t ldc, const GemmEpilogue& epilogue);
void gemm_ones_forward_on(const MicroKernel& kernel, const OnesIndex& x, const float* weight,
                          int64_t out, float* y, const GemmEpilogue& epilogue);
void gemm_ones_weights_on(const MicroKernel& kernel, const OnesIndex& x, const float* d_y,
                          int64_t out, float* d_weight, float* d_bias, bool d_bias_accumulate);

}  // namespace burin::cpu::detail
