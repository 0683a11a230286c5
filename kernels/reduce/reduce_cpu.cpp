#include <cmath>

#include "kernels/common/parallel.h"
#include "kernels/common/simd.h"
#include "kernels/reduce/chunked_sum.h"
#include "kernels/reduce/reduce.h"

namespace burin::cpu {
namespace {

// Columns that one block of column_sum takes.
constexpr int64_t kColumnBlock = 64;

BURIN_SIMD_CLONES
double sum_range(const float* x, int64_t begin, int64_t end) {
  double lanes[kSumLanes] = {};
  for (int64_t i = begin; i < end; i += kSumLanes) {
    const int64_t width = std::min(kSumLanes, end - i);
    for (int64_t j = 0; j < width; ++j) lanes[j] += static_cast<double>(x[i + j]);
  }
  return sum_lanes(lanes);
}

BURIN_SIMD_CLONES
double abs_sum_range(const float* x, int64_t begin, int64_t end) {
  double lanes[kSumLanes] = {};
  for (int64_t i = begin; i < end; i += kSumLanes) {
    const int64_t width = std::min(kSumLanes, end - i);
    for (int64_t j = 0; j < width; ++j) lanes[j] += static_cast<double>(std::abs(x[i + j]));
  }
  return sum_lanes(lanes);
}

BURIN_SIMD_CLONES
double square_sum_range(const float* x, int64_t begin, int64_t end) {
  double lanes[kSumLanes] = {};
  for (int64_t i = begin; i < end; i += kSumLanes) {
    const int64_t width = std::min(kSumLanes, end - i);
    for (int64_t j = 0; j < width; ++j) {
      const double v = static_cast<double>(x[i + j]);
      lanes[j] += v * v;
    }
  }
  return sum_lanes(lanes);
}

BURIN_SIMD_CLONES
int64_t zero_count_range(const float* x, int64_t begin, int64_t end) {
  int32_t count = 0;  // a chunk is far below 2^31
  for (int64_t i = begin; i < end; ++i) count += x[i] == 0.0f ? 1 : 0;
  return count;
}

// Columns [begin, end) of at most kColumnBlock, all rows in their order.
BURIN_SIMD_CLONES
void column_sum_block(const float* x, int64_t rows, int64_t begin, int64_t end, int64_t ld,
                      float* out, bool accumulate) {
  double total[kColumnBlock] = {};
  const int64_t width = end - begin;
  for (int64_t row = 0; row < rows; ++row) {
    const float* x_row = x + row * ld + begin;
    for (int64_t j = 0; j < width; ++j) total[j] += static_cast<double>(x_row[j]);
  }
  for (int64_t j = 0; j < width; ++j) {
    const float value = static_cast<float>(total[j]);
    out[begin + j] = accumulate ? out[begin + j] + value : value;
  }
}

}  // namespace

void sum(const float* x, int64_t n, float scale, float* out, Stream) {
  const double total =
      chunked_sum<double>(n, kSumChunk, kElementwiseGrain,
                          [=](int64_t begin, int64_t end) { return sum_range(x, begin, end); });
  *out = static_cast<float>(static_cast<double>(scale) * total);
}

void abs_sum(const float* x, int64_t n, float* out, Stream) {
  *out = static_cast<float>(chunked_sum<double>(
      n, kSumChunk, kElementwiseGrain,
      [=](int64_t begin, int64_t end) { return abs_sum_range(x, begin, end); }));
}

void sum_of_squares(const float* x, int64_t n, float* out, Stream) {
  *out = static_cast<float>(chunked_sum<double>(
      n, kSumChunk, kElementwiseGrain,
      [=](int64_t begin, int64_t end) { return square_sum_range(x, begin, end); }));
}

void zero_count(const float* x, int64_t n, int64_t* out, Stream) {
  *out = chunked_sum<int64_t>(n, kSumChunk, kElementwiseGrain, [=](int64_t begin, int64_t end) {
    return zero_count_range(x, begin, end);
  });
}

void column_sum(const float* x, int64_t rows, int64_t cols, int64_t ld, float* out, bool accumulate,
                Stream) {
  const int64_t blocks = (cols + kColumnBlock - 1) / kColumnBlock;
  const int64_t grain = std::max<int64_t>(1, kElementwiseGrain / (kColumnBlock * (rows + 1)));
  parallel_for(blocks, grain, [=](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      const int64_t column = block * kColumnBlock;
      column_sum_block(x, rows, column, std::min(column + kColumnBlock, cols), ld, out, accumulate);
    }
  });
}

}  // namespace burin::cpu
