// The micro-kernels, written once over a vector type. Included by one file an instruction set,
// which defines before it
//   what vector_portable.h, vector_avx2.h or vector_avx512.h has
//   Narrow              a vector of half the width for the last columns, or Vector itself
//   kRows, kVectors     the largest tile: its rows, and its vectors across
//   kDotSums            vectors of sums in dot_rows
// Everything here is in an unnamed namespace and carries the attribute, so that no code of one set
// can be linked into another.
#pragma once

#include <algorithm>

#include "kernels/gemm/gemm_finish_impl.h"
#include "kernels/gemm/gemm_microkernel.h"

#if defined(__clang__)
#define BURIN_UNROLL _Pragma("clang loop unroll(full)")
#elif defined(__GNUC__)
#define BURIN_UNROLL _Pragma("GCC unroll 16")
#else
#define BURIN_UNROLL
#endif

namespace burin::cpu::detail {
namespace {

constexpr int kWidth = Vector::kWidth;
static_assert(kRows <= kMaxTileRows && kVectors * kWidth <= kMaxPanel);

// kR x kV vectors of sums in registers: for each p, one row of the panel and kR broadcasts.
// kAcross: rows of op(A) are next to each other (a_row = 1), else values of p are (a_depth = 1).
// kPack: what is read of op(B) is written to t.panel on the way; a tile's stores have idle ports.
template <class V, int kV, bool kAcross, bool kPack, int kR>
BURIN_VECTOR_TARGET void multiply_tile(const Tile& t) {
  using Register = typename V::Register;
  constexpr int kPanel = kV * V::kWidth;
  Register sum[kR][kV];
  BURIN_UNROLL
  for (int i = 0; i < kR; ++i) {
    BURIN_UNROLL
    for (int j = 0; j < kV; ++j) {
      sum[i][j] = t.first ? V::zero() : V::load(t.partial + i * kPanel + j * V::kWidth);
    }
  }
  // A base pointer serves three rows: x86 addresses base, base + step and base + 2 step for free.
  constexpr int kBases = kAcross ? 1 : (kR + 2) / 3;
  const float* a[kBases];
  BURIN_UNROLL
  for (int i = 0; i < kBases; ++i) a[i] = t.a + 3 * i * t.a_row;
  const int64_t a_row = t.a_row;
  const int64_t a_depth = t.a_depth;
  const float* b = t.b;
  const int64_t b_depth = kPack ? t.b_depth : kPanel;
  float* panel = t.panel;

  // Not unrolled over p: compilers then find the addresses and registers that the loop is made
  // for, and a turn is long enough already.
  const auto add_product = [&]() __attribute__((always_inline)) BURIN_VECTOR_TARGET {
    Register row[kV];
    BURIN_UNROLL
    for (int j = 0; j < kV; ++j) row[j] = V::load(b + j * V::kWidth);
    b += b_depth;
    if constexpr (kPack) {
      BURIN_UNROLL
      for (int j = 0; j < kV; ++j) V::store(panel + j * V::kWidth, row[j]);
      panel += kPanel;
    }
    BURIN_UNROLL
    for (int i = 0; i < kR; ++i) {
      const Register factor = V::broadcast(kAcross ? a[0][i] : a[i / 3][(i % 3) * a_row]);
      BURIN_UNROLL
      for (int j = 0; j < kV; ++j) sum[i][j] = V::fma(factor, row[j], sum[i][j]);
    }
    BURIN_UNROLL
    for (int i = 0; i < kBases; ++i) a[i] += kAcross ? a_depth : 1;
  };
  int64_t p = 0;
  for (const Tile::Ask& ask : t.asks) {
    const float* ahead = ask.first;
    const int64_t step = ask.step;
    for (const int64_t end = std::min(t.depth, p + ask.count); p < end; ++p) {
      __builtin_prefetch(ahead, 0, 2);
      __builtin_prefetch(ahead + kCacheLine, 0, 2);
      ahead += step;
      add_product();
    }
  }
  for (; p < t.depth; ++p) add_product();

  // c[kR, kPanel] = value(sum, vector across, its place in c, row). The lambdas capture, lest they
  // have a conversion to a plain function, which would lack the target.
  const auto write = [&](float* c, int64_t ldc, const auto& value) BURIN_VECTOR_TARGET {
    BURIN_UNROLL
    for (int i = 0; i < kR; ++i) {
      BURIN_UNROLL
      for (int j = 0; j < kV; ++j) {
        float* place = c + i * ldc + j * V::kWidth;
        V::store(place, value(sum[i][j], j, place, i));
      }
    }
  };
  const auto keep = [&](Register s, int, const float*, int) BURIN_VECTOR_TARGET { return s; };
  if (!t.last) return write(t.partial, kPanel, keep);
  const bool whole = t.columns == kPanel;
  if (whole && t.finish == Finish::store) return write(t.c, t.ldc, keep);
  if (whole && t.finish == Finish::accumulate) {
    return write(t.c, t.ldc, [&](Register s, int, const float* c, int) BURIN_VECTOR_TARGET {
      return V::add(V::load(c), s);
    });
  }
  const Register one = V::broadcast(1.0f);
  const Register slope = V::broadcast(t.slope);
  if (whole && (t.finish == Finish::bias_leaky || t.finish == Finish::bias_curved)) {
    Register bias[kV];
    BURIN_UNROLL
    for (int j = 0; j < kV; ++j) {  // s + -0 is s, for both zeros
      bias[j] = t.bias != nullptr ? V::load(t.bias + j * V::kWidth) : V::broadcast(-0.0f);
    }
    if (t.finish == Finish::bias_leaky) {
      return write(t.c, t.ldc, [&](Register s, int j, const float*, int) BURIN_VECTOR_TARGET {
        const Register x = V::add(s, bias[j]);
        return V::if_positive(x, x, V::multiply(slope, x));
      });
    }
    alignas(64) float x[kR * kPanel];
    write(x, kPanel, [&](Register s, int j, const float*, int) BURIN_VECTOR_TARGET {
      return V::add(s, bias[j]);
    });
    const bool tanh = t.epilogue->activation == Activation::tanh;
    return (tanh ? curve<Activation::tanh, kPanel> : curve<Activation::sigmoid, kPanel>)(x, kR, t.c,
                                                                                         t.ldc);
  }
  const int64_t ld = t.epilogue->ld_derivative;
  if (whole && t.finish == Finish::leaky_derivative) {
    return write(t.c, t.ldc, [&](Register s, int j, const float*, int i) BURIN_VECTOR_TARGET {
      const Register y = V::load(t.derivative + i * ld + j * V::kWidth);
      return V::multiply(s, V::if_positive(y, one, slope));
    });
  }
  if (whole && t.finish == Finish::curved_derivative) {
    // (1 - y) (1 + y) of tanh, (1 - y) y of sigmoid
    const Register minus_one = V::broadcast(-1.0f);
    const Register shift = V::broadcast(t.epilogue->activation == Activation::tanh ? 1.0f : -0.0f);
    return write(t.c, t.ldc, [&](Register s, int j, const float*, int i) BURIN_VECTOR_TARGET {
      const Register y = V::load(t.derivative + i * ld + j * V::kWidth);
      return V::multiply(s, V::multiply(V::fma(minus_one, y, one), V::add(y, shift)));
    });
  }
  alignas(64) float tile[kR * kPanel + kMaxPanel];
  write(tile, kPanel, keep);
  finish(tile, kPanel, kR, t);
}

BURIN_VECTOR_TARGET void pack(const float* b, int64_t ldb, int64_t depth, int64_t columns,
                              int64_t width, float* panel) {
  for (int64_t p = 0; p < depth; ++p) {
    for (int64_t j = 0; j < width; j += Narrow::kWidth) {
      const int64_t count = std::clamp<int64_t>(columns - j, 0, Narrow::kWidth);
      Narrow::store(panel + j, Narrow::load_some(b + j, count));
    }
    b += ldb;
    panel += width;
  }
}

BURIN_VECTOR_TARGET void pack_transposed(const float* b, int64_t ldb, int64_t depth,
                                         int64_t columns, int64_t width, float* panel) {
  constexpr int kBlock = Vector::kTransposeBlock;
  constexpr int64_t kRun = 128;  // of p, so that what is written stays in the first level cache
  for (int64_t begin = 0; begin < depth; begin += kRun) {
    const int64_t end = std::min(begin + kRun, depth);
    int64_t j = 0;
    for (; j + kBlock <= columns; j += kBlock) {
      int64_t p = begin;
      for (; p + kBlock <= end; p += kBlock) {
        Vector::transpose(b + j * ldb + p, ldb, panel + p * width + j, width);
      }
      for (; p < end; ++p) {
        for (int64_t i = j; i < j + kBlock; ++i) panel[p * width + i] = b[i * ldb + p];
      }
    }
    if (j == width) continue;
    for (int64_t p = begin; p < end; ++p) {
      for (int64_t i = j; i < columns; ++i) panel[p * width + i] = b[i * ldb + p];
      for (int64_t i = columns; i < width; ++i) panel[p * width + i] = 0.0f;
    }
  }
}

// kR rows at once, kDotLanes sums each; lane l takes p = l, l + kDotLanes, ...
template <int kR>
BURIN_VECTOR_TARGET void dot_block(const float* a, int64_t lda, int64_t k, const float* x,
                                   float* sums) {
  using Register = Vector::Register;
  constexpr int kV = kDotLanes / kWidth;
  Register sum[kR][kV];
  BURIN_UNROLL
  for (int i = 0; i < kR; ++i) {
    BURIN_UNROLL
    for (int j = 0; j < kV; ++j) sum[i][j] = Vector::zero();
  }
  int64_t p = 0;
  for (; p + kDotLanes <= k; p += kDotLanes) {
    BURIN_UNROLL
    for (int j = 0; j < kV; ++j) {
      const Register factor = Vector::load(x + p + j * kWidth);
      BURIN_UNROLL
      for (int i = 0; i < kR; ++i) {
        const Register row = Vector::load(a + i * lda + p + j * kWidth);
        sum[i][j] = Vector::fma(row, factor, sum[i][j]);
      }
    }
  }
  if (p < k) {
    // A lane without a term adds -0 * 0 = -0, which leaves every sum as it is; +0 would not leave
    // -0.
    const Register none = Vector::broadcast(-0.0f);
    BURIN_UNROLL
    for (int j = 0; j < kV; ++j) {
      const int64_t q = p + j * kWidth;
      const int64_t count = std::clamp<int64_t>(k - q, 0, kWidth);
      if (count == 0) break;
      const Register factor = Vector::load_some(x + q, count);
      BURIN_UNROLL
      for (int i = 0; i < kR; ++i) {
        const Register row = Vector::load_some(a + i * lda + q, count, none);
        sum[i][j] = Vector::fma(row, factor, sum[i][j]);
      }
    }
  }
  // By halves: lane l + lane l + 16, then + 8, ...; between registers first, then within one.
  BURIN_UNROLL
  for (int i = 0; i < kR; ++i) {
    BURIN_UNROLL
    for (int half = kV / 2; half > 0; half /= 2) {
      BURIN_UNROLL
      for (int j = 0; j < half; ++j) sum[i][j] = Vector::add(sum[i][j], sum[i][j + half]);
    }
    sums[i] = Vector::sum_by_halves(sum[i][0]);
  }
}

BURIN_VECTOR_TARGET void dot_rows(const float* a, int64_t lda, int64_t rows, int64_t k,
                                  const float* x, float* sums) {
  constexpr int kR = std::max(1, kDotSums * kWidth / kDotLanes);
  int64_t i = 0;
  for (; i + kR <= rows; i += kR) dot_block<kR>(a + i * lda, lda, k, x, sums + i);
  for (; i < rows; ++i) dot_block<1>(a + i * lda, lda, k, x, sums + i);
}

BURIN_VECTOR_TARGET void add_listed(const float* from, const uint16_t* list, int64_t stride,
                                    int64_t count, float* sums) {
  constexpr int kV = kListWidth / kWidth;
  Vector::Register sum[kLists][kV];
  BURIN_UNROLL
  for (int i = 0; i < kLists; ++i) {
    BURIN_UNROLL
    for (int j = 0; j < kV; ++j) sum[i][j] = Vector::zero();
  }
  for (int64_t t = 0; t < count; ++t) {
    BURIN_UNROLL
    for (int i = 0; i < kLists; ++i) {
      const float* row = from + int64_t{list[i * stride + t]} * kListWidth;
      BURIN_UNROLL
      for (int j = 0; j < kV; ++j) {
        sum[i][j] = Vector::add(sum[i][j], Vector::load(row + j * kWidth));
      }
    }
  }
  BURIN_UNROLL
  for (int i = 0; i < kLists; ++i) {
    BURIN_UNROLL
    for (int j = 0; j < kV; ++j) Vector::store(sums + i * kListWidth + j * kWidth, sum[i][j]);
  }
}

BURIN_VECTOR_TARGET void add_to_listed(const float* value, const uint16_t* list, int64_t count,
                                       float* to) {
  constexpr int kV = kListWidth / kWidth;
  Vector::Register v[kV];
  BURIN_UNROLL
  for (int j = 0; j < kV; ++j) v[j] = Vector::load(value + j * kWidth);
  for (int64_t t = 0; t < count; ++t) {
    float* row = to + int64_t{list[t]} * kListWidth;
    BURIN_UNROLL
    for (int j = 0; j < kV; ++j) {
      Vector::store(row + j * kWidth, Vector::add(Vector::load(row + j * kWidth), v[j]));
    }
  }
}

template <class V, int kV, int kR = 1>
void add_rows(MicroKernel* kernel) {
  kernel->multiply[0][kernel->shapes][kR - 1] = multiply_tile<V, kV, false, false, kR>;
  kernel->multiply[1][kernel->shapes][kR - 1] = multiply_tile<V, kV, true, false, kR>;
  if constexpr (kV == kVectors) {
    kernel->multiply_and_pack[0][kR - 1] = multiply_tile<V, kV, false, true, kR>;
    kernel->multiply_and_pack[1][kR - 1] = multiply_tile<V, kV, true, true, kR>;
  }
  if constexpr (kR < kRows) add_rows<V, kV, kR + 1>(kernel);
}

template <class V, int kV>
void add_shape(MicroKernel* kernel) {
  static_assert(kV * V::kWidth <= kMaxPanel);
  add_rows<V, kV>(kernel);
  kernel->width[kernel->shapes++] = kV * V::kWidth;
}

template <int kV = 1>
void add_shapes(MicroKernel* kernel) {
  add_shape<Vector, kV>(kernel);
  if constexpr (kV < kVectors) add_shapes<kV + 1>(kernel);
}

MicroKernel make_kernel(const char* name) {
  MicroKernel kernel{};
  kernel.name = name;
  kernel.rows = kRows;
  if constexpr (Narrow::kWidth < kWidth) add_shape<Narrow, 1>(&kernel);
  add_shapes(&kernel);
  kernel.pack = pack;
  kernel.pack_transposed = pack_transposed;
  kernel.dot_rows = dot_rows;
  kernel.add_listed = add_listed;
  kernel.add_to_listed = add_to_listed;
  kernel.finish = finish;
  return kernel;
}

}  // namespace
}  // namespace burin::cpu::detail
