#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "kernels/common/parallel.h"
#include "kernels/common/simd.h"
#include "kernels/gemm/gemm.h"
#include "kernels/gemm/gemm_microkernel.h"
#include "kernels/reduce/reduce.h"

namespace burin::cpu {
namespace detail {
namespace {

constexpr int64_t kMaxRows = 512;        // of a chunk of a product that one pass over k makes
constexpr int64_t kDeepRows = 256;       // of a chunk of one that takes several passes,
constexpr int64_t kDeepColumns = 256;    // its columns,
constexpr int64_t kDeepPass = 128;       // and the most values of k in a pass
constexpr int64_t kChunkWork = 1 << 18;  // multiply-adds, some 5 us: worth waking a thread for

// A thread's own workspace.
alignas(64) thread_local float panel[kMaxDepth * kMaxPanel];
alignas(64) thread_local float partial[kDeepRows * kDeepColumns];

// Where a thread is: it goes through chunks of a product one by one, and what it did for the last
// one may serve the next.
struct Place {
  uint64_t product;  // a number for each call
  int64_t row;       // its rows of A, from this one on, are in the second level cache
  int64_t column;    // `panel` holds op(B) from this column on; -1: it does not
};
thread_local Place last_place = {0, 0, -1};
std::atomic<uint64_t> products_begun = 0;

int64_t ceil_div(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

struct Product {
  bool transpose_a, transpose_b;
  int64_t m, n, k;
  const float* a;
  int64_t lda;
  const float* b;
  int64_t ldb;
  float* c;
  int64_t ldc;
  const GemmEpilogue* epilogue;
  const MicroKernel* kernel;
  Finish finish;
};

// How tiles finish: in registers for what training asks of every layer, else through memory.
Finish finish_of(const GemmEpilogue& e) {
  const bool curved = e.activation == Activation::sigmoid || e.activation == Activation::tanh;
  if (e.activation == Activation::none && e.bias == nullptr && e.derivative_output == nullptr) {
    return e.accumulate ? Finish::accumulate : Finish::store;
  }
  if (e.accumulate) return Finish::other;
  if (e.derivative_output != nullptr) {
    return curved ? Finish::curved_derivative : Finish::leaky_derivative;
  }
  return curved ? Finish::bias_curved : Finish::bias_leaky;
}

// The tile whose upper left corner is C(i, j); A, B and sums are left to the caller.
Tile tile_at(const Product& x, int64_t i, int64_t j) {
  Tile tile{};
  tile.c = x.c + i * x.ldc + j;
  tile.ldc = x.ldc;
  tile.epilogue = x.epilogue;
  tile.finish = x.finish;
  tile.slope = x.epilogue->activation == Activation::none ? 1.0f : x.epilogue->slope;
  if (x.epilogue->derivative_output != nullptr) {
    tile.derivative = x.epilogue->derivative_output + i * x.epilogue->ld_derivative + j;
  } else if (x.epilogue->bias != nullptr) {
    tile.bias = x.epilogue->bias + j;
  }
  return tile;
}

// The tile width to take next of `columns` that are left: one that covers them without waste, else
// the widest that they fill, else the narrowest.
int next_shape(const MicroKernel& kernel, int64_t columns) {
  const int64_t needed = ceil_div(columns, kernel.width[0]) * kernel.width[0];
  int shape = 0;
  for (int i = 0; i < kernel.shapes; ++i) {
    if (kernel.width[i] <= needed) shape = i;
  }
  return shape;
}

// A chunk of C, and the values of k that a pass over it takes: all of them where that is shallow
// enough for a panel. In a deep product operands have no place in a cache while one panel of
// columns passes over all of k; so chunks are several panels wide, and all their panels take
// kDeepPass values of k before any takes more.
struct Chunk {
  int64_t row, row_end;
  int64_t column, column_end;
  int64_t pass;
};

// While a tile is multiplied, what is read later comes closer; the hardware's own prefetching ends
// at each row of B, of a transposed A, or of C. `block` counts the tiles of a panel. The next panel
// is asked for once; the rows of A that the next tile takes, from row `next_row` of C on, only by
// the first panel that this thread makes of them, after which they are in the second level cache.
// All other tiles ask for what their own end reads and writes.
void look_ahead(const Product& x, bool first_panel, int64_t block, int64_t next_row,
                int64_t row_end, int64_t p, int64_t next_column, Tile* tile) {
  constexpr int64_t kLines = 2 * kCacheLine;  // a tile asks for kLines * depth floats
  const bool wants_rows = first_panel && next_row < row_end;
  const bool wants_panel = block == (wants_rows ? 1 : 0) && next_column < x.n;
  if (wants_panel) {
    const float* next =
        x.transpose_b ? x.b + next_column * x.ldb + p : x.b + p * x.ldb + next_column;
    tile->asks = {{{next, x.transpose_b ? kLines : x.ldb, tile->depth}}};
  } else if (wants_rows) {
    const float* next = tile->a + x.kernel->rows * tile->a_row;
    tile->asks = {{{next, x.transpose_a ? x.lda : kLines, tile->depth}}};
  } else {
    const int64_t rows = tile->derivative == nullptr ? 0 : x.kernel->rows;
    tile->asks = {
        {{tile->derivative, x.epilogue->ld_derivative, rows}, {tile->c, x.ldc, x.kernel->rows}}};
  }
}

// The values of k from p on that a pass takes, of the chunk's rows of C and the columns from
// `column` on, which are those of one tile of the given shape. `fresh`: op(B) is not yet in
// `panel`. `first_panel` of these rows in this thread and pass or not.
void multiply_panel(const Product& x, const Chunk& chunk, int shape, int64_t column,
                    int64_t columns, int64_t p, bool fresh, bool first_panel) {
  const MicroKernel& kernel = *x.kernel;
  const int64_t width = kernel.width[shape];
  // Tiles of nearly the same height: 128 rows are 8 x 13 + 2 x 12, not 9 x 14 + 2.
  const int64_t rows = chunk.row_end - chunk.row;
  const int64_t blocks = ceil_div(rows, kernel.rows);
  const int64_t height = rows / blocks;
  const int64_t higher = rows % blocks;  // tiles that are one row higher
  const int across = x.transpose_a ? 1 : 0;
  // Whole rows of B: the first tile reads them where they lie, and leaves a panel for the others.
  const bool direct = !x.transpose_b && columns == width && shape == kernel.shapes - 1;
  const TileFunction* multiply = kernel.multiply[across][shape];
  const int64_t depth = std::min(chunk.pass, x.k - p);
  if (fresh && !direct) {
    if (x.transpose_b) {
      kernel.pack_transposed(x.b + column * x.ldb + p, x.ldb, depth, columns, width, panel);
    } else {
      kernel.pack(x.b + p * x.ldb + column, x.ldb, depth, columns, width, panel);
    }
  }
  Tile tile = tile_at(x, chunk.row, column);
  tile.a = x.a + (x.transpose_a ? p * x.lda + chunk.row : chunk.row * x.lda + p);
  tile.a_row = x.transpose_a ? 1 : x.lda;
  tile.a_depth = x.transpose_a ? x.lda : 1;
  tile.panel = panel;
  tile.depth = depth;
  tile.partial = partial + (column - chunk.column) * rows;
  tile.first = p == 0;
  tile.last = p + depth == x.k;
  tile.columns = columns;
  int64_t i = chunk.row;
  for (int64_t block = 0; block < blocks; ++block) {
    const bool in_place = direct && fresh && block == 0;
    tile.b = in_place ? x.b + p * x.ldb + column : panel;
    tile.b_depth = in_place ? x.ldb : width;
    look_ahead(x, first_panel, block, i + kernel.rows, chunk.row_end, p, column + columns, &tile);
    const int64_t tile_rows = height + (block < higher ? 1 : 0);
    (in_place ? kernel.multiply_and_pack[across] : multiply)[tile_rows - 1](tile);
    i += tile_rows;
    tile.a += tile_rows * tile.a_row;
    tile.c += tile_rows * x.ldc;
    tile.partial += tile_rows * width;
    if (tile.derivative != nullptr) tile.derivative += tile_rows * x.epilogue->ld_derivative;
  }
}

void multiply_chunk(const Product& x, const Chunk& chunk) {
  int64_t p = 0;
  do {
    bool first_panel = std::exchange(last_place.row, chunk.row) != chunk.row || chunk.pass < x.k;
    for (int64_t column = chunk.column; column < chunk.column_end;) {
      const int shape = next_shape(*x.kernel, chunk.column_end - column);
      const int64_t columns = std::min<int64_t>(x.kernel->width[shape], chunk.column_end - column);
      const bool fresh = std::exchange(last_place.column, column) != column || chunk.pass < x.k;
      multiply_panel(x, chunk, shape, column, columns, p, fresh, first_panel);
      first_panel = false;
      column += columns;
    }
    p += chunk.pass;
  } while (p < x.k);
}

// Chunks of one panel of columns, or several, each in `groups` groups of rows. The chunks of one
// panel follow each other, so that a thread that gets several packs it once; but where A has many
// rows, those of one group do, so that its rows of A are in the second level cache for all panels
// but the first.
void multiply_panels(const Product& x) {
  const bool deep = x.k > kMaxDepth;
  const int64_t panel_width = x.kernel->width[x.kernel->shapes - 1];
  const int64_t most_rows = deep ? kDeepRows : kMaxRows;
  int64_t groups = ceil_div(x.m, most_rows);
  int64_t panels = ceil_div(x.n, panel_width);
  int64_t width = panel_width;  // of a chunk
  if (deep) {
    // Some chunks for every thread.
    const int64_t a_chunk = threads() == 1 ? panels : panels * groups / (4 * threads());
    width *= std::clamp<int64_t>(a_chunk, 1, kDeepColumns / panel_width);
    panels = ceil_div(x.n, width);
  }
  if (threads() > 1) {
    // Some chunks for every thread, but not so low that packing would show.
    const int64_t wanted = ceil_div(4 * threads(), panels);
    groups = std::max(groups, std::min(wanted, ceil_div(x.m, 4 * x.kernel->rows)));
  }
  const int64_t height = ceil_div(x.m, groups);
  groups = ceil_div(x.m, height);
  const int64_t work = height * std::min(width, x.n) * std::max<int64_t>(x.k, 16);
  const int64_t grain = std::max<int64_t>(1, kChunkWork / work);
  const bool by_groups = x.m > most_rows;
  const uint64_t number = ++products_begun;
  parallel_for(panels * groups, grain, [&](int64_t begin, int64_t end) {
    if (last_place.product != number) last_place = {number, -1, -1};
    for (int64_t i = begin; i < end; ++i) {
      Chunk chunk;
      chunk.row = (by_groups ? i / panels : i % groups) * height;
      chunk.row_end = std::min(chunk.row + height, x.m);
      chunk.column = (by_groups ? i % panels : i / groups) * width;
      chunk.column_end = std::min(chunk.column + width, x.n);
      chunk.pass = deep ? kDeepPass : x.k;
      multiply_chunk(x, chunk);
    }
  });
}

// C[rows] = epilogue(matrix[rows, k] vector[k]): C is a column, or a row if `across`.
void multiply_vector(const Product& x, const float* matrix, int64_t ld, int64_t rows,
                     const float* vector, bool across) {
  constexpr int64_t kBlock = 128;  // rows whose sums are finished together
  // A column whose elements are next to each other is finished like a row.
  const bool lies_flat =
      across ||
      (x.ldc == 1 && (x.epilogue->derivative_output == nullptr || x.epilogue->ld_derivative == 1));
  const int64_t blocks = ceil_div(rows, kBlock);
  const int64_t grain = std::max<int64_t>(1, kChunkWork / (4 * kBlock * std::max<int64_t>(x.k, 1)));
  parallel_for(blocks, grain, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      const int64_t first = block * kBlock;
      const int64_t count = std::min(kBlock, rows - first);
      float sums[kBlock + kMaxPanel];
      x.kernel->dot_rows(matrix + first * ld, ld, count, x.k, vector, sums);
      Tile tile = across ? tile_at(x, 0, first) : tile_at(x, first, 0);
      if (!across && tile.bias != nullptr) {  // one number for all
        for (int64_t i = 0; i < count; ++i) sums[i] += tile.bias[0];
        tile.bias = nullptr;
      }
      tile.columns = lies_flat ? count : 1;
      x.kernel->finish(sums, 1, lies_flat ? 1 : count, tile);
    }
  });
}

// `x` itself if its elements are contiguous, else a copy in this thread's panel; null if too long.
const float* contiguous(const float* x, int64_t step, int64_t k) {
  if (step == 1 || k <= 1) return x;
  if (k > kMaxDepth * kMaxPanel) return nullptr;
  for (int64_t p = 0; p < k; ++p) panel[p] = x[p * step];
  return panel;
}

// The same for vectors that are not contiguous and too long for a copy: the 32 interleaved chains
// of dot_rows, then by halves.
void multiply_long_vector(const Product& x, const float* matrix, int64_t ld, int64_t rows,
                          const float* vector, int64_t step, bool across) {
  constexpr int64_t kChains = 32;
  parallel_for(rows, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      float chain[kChains] = {};
      for (int64_t p = 0; p < x.k; ++p) {
        float& sum = chain[p % kChains];
        sum = std::fma(matrix[i * ld + p], vector[p * step], sum);
      }
      for (int64_t half = kChains / 2; half > 0; half /= 2) {
        for (int64_t j = 0; j < half; ++j) chain[j] += chain[j + half];
      }
      Tile tile = across ? tile_at(x, 0, i) : tile_at(x, i, 0);
      tile.columns = 1;
      float sums[kMaxPanel + 1] = {chain[0]};
      x.kernel->finish(sums, 1, 1, tile);
    }
  });
}

// row_sum of the epilogue. On the CPU a pass of its own over A, which the caches hold.
void sum_rows(bool transpose_a, int64_t m, int64_t k, const float* a, int64_t lda,
              const GemmEpilogue& epilogue) {
  if (epilogue.row_sum == nullptr) return;
  if (transpose_a) {
    column_sum(a, k, m, lda, epilogue.row_sum, epilogue.row_sum_accumulate, {});
    return;
  }
  const int64_t grain = std::max<int64_t>(1, kElementwiseGrain / (k + 1));
  parallel_for(m, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      double total = 0.0;
      for (int64_t p = 0; p < k; ++p) total += static_cast<double>(a[i * lda + p]);
      const float sum = static_cast<float>(total);
      epilogue.row_sum[i] = epilogue.row_sum_accumulate ? epilogue.row_sum[i] + sum : sum;
    }
  });
}

}  // namespace

const MicroKernel& chosen_kernel() {
  static const MicroKernel& kernel = []() -> const MicroKernel& {
    const char* value = std::getenv("BURIN_SIMD");
    const std::string_view wish = value == nullptr ? "" : value;
    const MicroKernel* best = nullptr;
    if (wish != "avx2" && wish != "portable") best = microkernel_avx512();
    if (best == nullptr && wish != "portable") best = microkernel_avx2();
    return best != nullptr ? *best : *microkernel_portable();
  }();
  return kernel;
}

void gemm_on(const MicroKernel& kernel, bool transpose_a, bool transpose_b, int64_t m, int64_t n,
             int64_t k, const float* a, int64_t lda, const float* b, int64_t ldb, float* c,
             int64_t ldc, const GemmEpilogue& epilogue) {
  sum_rows(transpose_a, m, k, a, lda, epilogue);
  if (m == 0 || n == 0) return;
  if (k == 0) {  // a and b may be null: nothing of them is read, but pointers are stepped
    a = b = panel;
    lda = ldb = 0;
  }
  const Product product{transpose_a, transpose_b, m, n,   k,         a,       lda,
                        b,           ldb,         c, ldc, &epilogue, &kernel, finish_of(epilogue)};
  if (n == 1 && !transpose_a) {
    const float* vector = contiguous(b, transpose_b ? 1 : ldb, k);
    if (vector != nullptr) return multiply_vector(product, a, lda, m, vector, false);
    return multiply_long_vector(product, a, lda, m, b, ldb, false);
  } else if (m == 1 && transpose_b) {
    const float* vector = contiguous(a, transpose_a ? lda : 1, k);
    if (vector != nullptr) return multiply_vector(product, b, ldb, n, vector, true);
    return multiply_long_vector(product, b, ldb, n, a, lda, true);
  }
  multiply_panels(product);
}

}  // namespace detail

void gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const float* a,
          int64_t lda, const float* b, int64_t ldb, float* c, int64_t ldc,
          const GemmEpilogue& epilogue, Stream) {
  detail::gemm_on(detail::chosen_kernel(), transpose_a, transpose_b, m, n, k, a, lda, b, ldb, c,
                  ldc, epilogue);
}

void gemm_group(const GemmProduct* products, int64_t count, Stream stream) {
  for (int64_t i = 0; i < count; ++i) {
    const GemmProduct& x = products[i];
    gemm(x.transpose_a, x.transpose_b, x.m, x.n, x.k, x.a, x.lda, x.b, x.ldb, x.c, x.ldc,
         x.epilogue, stream);
  }
}

BURIN_SIMD_CLONES
void gemm_naive(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const float* a,
                int64_t lda, const float* b, int64_t ldb, float* c, int64_t ldc,
                const GemmEpilogue& epilogue, Stream) {
  detail::sum_rows(transpose_a, m, k, a, lda, epilogue);
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      float sum = 0.0f;
      for (int64_t p = 0; p < k; ++p) {
        const float x = transpose_a ? a[p * lda + i] : a[i * lda + p];
        const float y = transpose_b ? b[j * ldb + p] : b[p * ldb + j];
        sum = std::fma(x, y, sum);
      }
      if (epilogue.derivative_output != nullptr) {
        const float y = epilogue.derivative_output[i * epilogue.ld_derivative + j];
        sum *= activation_derivative(epilogue.activation, y, epilogue.slope);
      } else {
        if (epilogue.bias != nullptr) sum += epilogue.bias[j];
        sum = apply_activation(epilogue.activation, sum, epilogue.slope);
      }
      c[i * ldc + j] = epilogue.accumulate ? c[i * ldc + j] + sum : sum;
    }
  }
}

const char* gemm_instruction_set() {
  return detail::chosen_kernel().name;
}

}  // namespace burin::cpu
