#include "core/warp.h"

#include <bit>
#include <cmath>
#include <cstdint>

namespace burin::softgpu {
namespace {

template <class F>
void each(uint32_t lanes, F f) {
  for (; lanes != 0; lanes &= lanes - 1) f(static_cast<uint32_t>(std::countr_zero(lanes)));
}

// PTX ISA, shfl.sync: the source lane j and whether it is in the segment.
uint32_t shuffle(WarpOp op, uint32_t lanes, WarpArgs* const args[32]) {
  uint32_t out_of_mask = 32;
  each(lanes, [&](uint32_t lane) {
    WarpArgs& a = *args[lane];
    const uint32_t b = a.in[2] & 31, c = a.in[3] & 31, segment = a.in[3] >> 8 & 31;
    const int32_t highest = static_cast<int32_t>((lane & segment) | (c & ~segment));
    const uint32_t lowest = lane & segment;
    int32_t j = static_cast<int32_t>(lane);
    bool inside = false;
    switch (op) {
      case WarpOp::kShflUp:
        j -= static_cast<int32_t>(b);
        inside = j >= highest;
        break;
      case WarpOp::kShflDown:
        j += static_cast<int32_t>(b);
        inside = j <= highest;
        break;
      case WarpOp::kShflBfly:
        j ^= static_cast<int32_t>(b);
        inside = j <= highest;
        break;
      default:
        j = static_cast<int32_t>(lowest | (b & ~segment));
        inside = j <= highest;
        break;
    }
    if (!inside) j = static_cast<int32_t>(lane);
    a.out_predicate = inside;
    if ((lanes >> j & 1) != 0) {
      a.out[0] = args[j]->in[0];
    } else {
      a.out[0] = kUndefined;
      if (out_of_mask == 32) out_of_mask = lane;
    }
  });
  return out_of_mask;
}

void vote(WarpOp op, uint32_t lanes, WarpArgs* const args[32]) {
  uint32_t ballot = 0;
  each(lanes,
       [&](uint32_t lane) { ballot |= static_cast<uint32_t>(args[lane]->in[0] != 0) << lane; });
  const uint32_t result = op == WarpOp::kVoteBallot ? ballot
                          : op == WarpOp::kVoteAll  ? ballot == lanes
                          : op == WarpOp::kVoteAny  ? ballot != 0
                                                    : ballot == 0 || ballot == lanes;
  each(lanes, [&](uint32_t lane) { args[lane]->out[0] = result; });
}

void match(WarpOp op, uint32_t lanes, WarpArgs* const args[32]) {
  const auto value = [&](uint32_t lane) {
    return uint64_t{args[lane]->in[1]} << 32 | args[lane]->in[0];
  };
  each(lanes, [&](uint32_t lane) {
    uint32_t same = 0;
    each(lanes, [&](uint32_t other) {
      same |= static_cast<uint32_t>(value(other) == value(lane)) << other;
    });
    const bool all = same == lanes;
    args[lane]->out[0] = op == WarpOp::kMatchAny || all ? same : 0;
    args[lane]->out_predicate = all;
  });
}

void redux(WarpOp op, uint32_t lanes, WarpArgs* const args[32]) {
  const auto first = static_cast<uint32_t>(std::countr_zero(lanes));
  uint32_t r = args[first]->in[0];
  each(lanes & (lanes - 1), [&](uint32_t lane) {
    const uint32_t v = args[lane]->in[0];
    const auto s = static_cast<int32_t>(v), rs = static_cast<int32_t>(r);
    switch (op) {
      case WarpOp::kReduxAdd:
        r += v;
        break;
      case WarpOp::kReduxMinU:
        r = v < r ? v : r;
        break;
      case WarpOp::kReduxMaxU:
        r = v > r ? v : r;
        break;
      case WarpOp::kReduxMinS:
        r = s < rs ? v : r;
        break;
      case WarpOp::kReduxMaxS:
        r = s > rs ? v : r;
        break;
      case WarpOp::kReduxAnd:
        r &= v;
        break;
      case WarpOp::kReduxOr:
        r |= v;
        break;
      default:
        r ^= v;
        break;
    }
  });
  each(lanes, [&](uint32_t lane) { args[lane]->out[0] = r; });
}

// Matrix m, row r was loaded by lane 8 m + r; lane l gets elements 2 (l % 4) and the next of row l
// / 4, or, transposed, of column l / 4.
void load_matrix(WarpArgs* const args[32]) {
  const auto element = [&](uint32_t m, uint32_t row, uint32_t column) {
    return args[8 * m + row]->in[column / 2] >> (column % 2 * 16) & 0xffff;
  };
  for (uint32_t lane = 0; lane < 32; ++lane) {
    const uint32_t row = lane / 4, column = lane % 4 * 2;
    for (uint32_t m = 0; m < args[lane]->rows; ++m) {
      args[lane]->out[m] = args[lane]->columns != 0
                               ? element(m, column, row) | element(m, column + 1, row) << 16
                               : element(m, row, column) | element(m, row, column + 1) << 16;
    }
  }
}

double half_value(uint32_t h) {
  const double sign = (h & 0x8000) != 0 ? -1.0 : 1.0;
  const auto exponent = static_cast<int>(h >> 10 & 31);
  const double mantissa = h & 0x3ff;
  if (exponent == 31) return mantissa != 0 ? NAN : sign * INFINITY;
  return sign *
         (exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(mantissa + 1024, exponent - 25));
}
double element_value(MatrixType type, uint32_t bits) {
  if (type == MatrixType::kTf32) return std::bit_cast<float>(bits & 0xffffe000u);
  return type == MatrixType::kBf16 ? std::bit_cast<float>(bits << 16) : half_value(bits);
}
uint32_t half_bits(double x) {
  const uint32_t sign = std::signbit(x) ? 0x8000 : 0;
  const double a = std::abs(x);
  if (std::isnan(x)) return 0x7fff;
  if (a >= 65520.0) return sign | 0x7c00;
  if (a < 0x1p-14) return sign | static_cast<uint32_t>(std::nearbyint(std::ldexp(a, 24)));
  int e = 0;
  const double m = std::frexp(a, &e);  // a = m 2^e, m in [1/2, 1)
  return sign | ((static_cast<uint32_t>(e + 13) << 10) +
                 static_cast<uint32_t>(std::nearbyint(std::ldexp(m, 11))));
}

// Fragment layouts of the PTX ISA, "Matrix Fragments for mma.m16n8k*". Products are exact and
// summed in double, rounded once: closer to the true sum than the hardware, whose order is its own.
void multiply(WarpArgs* const args[32]) {
  const WarpArgs& first = *args[0];
  const MatrixType type = first.type;
  const uint32_t depth = first.depth;
  const bool wide = type == MatrixType::kTf32;
  const uint32_t a_count = 16 * depth * (wide ? 32 : 16) / 1024, b_count = a_count / 2;
  double a[16][16], b[16][8];
  for (uint32_t lane = 0; lane < 32; ++lane) {
    const uint32_t group = lane / 4, member = lane % 4;
    for (uint32_t r = 0; r < a_count; ++r) {
      const uint32_t row = group + r % 2 * 8, bits = args[lane]->in[r];
      if (wide) {
        a[row][member + r / 2 * 4] = element_value(type, bits);
      } else {
        const uint32_t column = member * 2 + r / 2 * 8;
        a[row][column] = element_value(type, bits & 0xffff);
        a[row][column + 1] = element_value(type, bits >> 16);
      }
    }
    for (uint32_t r = 0; r < b_count; ++r) {
      const uint32_t bits = args[lane]->in[a_count + r];
      if (wide) {
        b[member + r * 4][group] = element_value(type, bits);
      } else {
        const uint32_t row = member * 2 + r * 8;
        b[row][group] = element_value(type, bits & 0xffff);
        b[row + 1][group] = element_value(type, bits >> 16);
      }
    }
  }
  for (uint32_t lane = 0; lane < 32; ++lane) {
    const uint32_t group = lane / 4, member = lane % 4;
    const uint32_t* const c = args[lane]->in + a_count + b_count;
    double sum[4];
    for (uint32_t r = 0; r < 4; ++r) {
      const uint32_t row = group + r / 2 * 8, column = member * 2 + r % 2;
      sum[r] = first.half_accumulator ? half_value(c[r / 2] >> (r % 2 * 16) & 0xffff)
                                      : double{std::bit_cast<float>(c[r])};
      double product = 0;
      for (uint32_t k = 0; k < depth; ++k) product += a[row][k] * b[k][column];
      sum[r] += product;
    }
    for (uint32_t r = 0; r < 4; ++r) {
      if (first.half_accumulator) {
        const uint32_t h = half_bits(sum[r]);
        args[lane]->out[r / 2] = r % 2 == 0 ? h : args[lane]->out[r / 2] | h << 16;
      } else {
        const auto f = static_cast<float>(sum[r]);
        args[lane]->out[r] = std::isnan(f) ? 0x7fffffffu : std::bit_cast<uint32_t>(f);
      }
    }
  }
}

}  // namespace

uint32_t evaluate_warp(WarpOp op, uint32_t lanes, WarpArgs* const args[32]) {
  switch (op) {
    case WarpOp::kSyncWarp:
      break;
    case WarpOp::kShflIdx:
    case WarpOp::kShflUp:
    case WarpOp::kShflDown:
    case WarpOp::kShflBfly:
      return shuffle(op, lanes, args);
    case WarpOp::kVoteAll:
    case WarpOp::kVoteAny:
    case WarpOp::kVoteUni:
    case WarpOp::kVoteBallot:
      vote(op, lanes, args);
      break;
    case WarpOp::kMatchAny:
    case WarpOp::kMatchAll:
      match(op, lanes, args);
      break;
    case WarpOp::kLdMatrix:
      load_matrix(args);
      break;
    case WarpOp::kMma:
      multiply(args);
      break;
    default:
      redux(op, lanes, args);
      break;
  }
  return 32;
}

}  // namespace burin::softgpu
