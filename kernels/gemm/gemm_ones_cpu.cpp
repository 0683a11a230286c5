#include "kernels/gemm/gemm_ones.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "kernels/common/parallel.h"
#include "kernels/common/simd.h"
#include "kernels/gemm/gemm_microkernel.h"
#include "kernels/reduce/reduce.h"

namespace burin::cpu {
namespace {

constexpr int64_t kWidth = detail::kListWidth;
constexpr int64_t kRows = detail::kLists;
constexpr int64_t kBlock = 512;  // rows whose sums are finished together

// A thread's own: [cols + 1, kWidth], 48 of 128 KiB for MNIST, and a block's sums.
alignas(64) thread_local float panel[(OnesIndex::kMaxCols + 1) * kWidth];
alignas(64) thread_local float sums[kBlock * kWidth + detail::kMaxPanel];

// places[mask]: the numbers of the bits that are set, rising; rubbish behind them.
constexpr auto kPlaces = [] {
  std::array<std::array<uint8_t, 8>, 256> places{};
  for (size_t mask = 0; mask < 256; ++mask) {
    size_t count = 0;
    for (uint8_t bit = 0; bit < 8; ++bit) {
      if ((mask >> bit & 1) != 0) places[mask][count++] = bit;
    }
  }
  return places;
}();

// The columns of a row's ones, and rubbish for up to 8 behind them; returns how many.
BURIN_SIMD_CLONES
int32_t index_row(const float* __restrict__ x, int64_t cols, uint16_t* __restrict__ columns) {
  alignas(64) uint8_t one[OnesIndex::kMaxCols + 8];
  for (int64_t j = 0; j < cols; ++j) one[j] = x[j] != 0.0f;
  std::memset(one + cols, 0, 8);
  int32_t count = 0;
  for (int64_t j = 0; j < cols; j += 8) {
    uint64_t eight;
    std::memcpy(&eight, one + j, 8);
    // Byte i moves to bit 56 + i.
    const size_t mask = eight * 0x0102040810204080u >> 56;
    for (size_t k = 0; k < 8; ++k) {
      columns[count + static_cast<int64_t>(k)] = static_cast<uint16_t>(j + kPlaces[mask][k]);
    }
    count += __builtin_popcount(static_cast<unsigned>(mask));
  }
  return count;
}

}  // namespace

bool index_ones(const float* x, OnesIndex& index) {
  if (index.cols > OnesIndex::kMaxCols) return false;
  const int64_t stride = OnesIndex::stride_of(index.cols);
  const int64_t groups = (index.rows + kRows - 1) / kRows;
  const int64_t grain = std::max<int64_t>(1, kElementwiseGrain / (kRows * (index.cols + 1)));
  parallel_for(groups, grain, [&](int64_t begin, int64_t end) {
    for (int64_t group = begin; group < end; ++group) {
      const int64_t last = std::min(kRows * (group + 1), index.rows);
      int32_t most = 0;
      for (int64_t r = kRows * group; r < last; ++r) {
        index.counts[r] = index_row(x + r * index.cols, index.cols, index.columns + r * stride);
        most = std::max(most, index.counts[r]);
      }
      for (int64_t r = kRows * group; r < last; ++r) {
        uint16_t* const columns = index.columns + r * stride;
        std::fill(columns + index.counts[r], columns + most, static_cast<uint16_t>(index.cols));
      }
    }
  });
  int64_t total = 0;
  for (int64_t r = 0; r < index.rows; ++r) total += index.counts[r];
  return 4 * total <= index.rows * index.cols;
}

void detail::gemm_ones_forward_on(const MicroKernel& kernel, const OnesIndex& x,
                                  const float* weight, int64_t out, float* y,
                                  const GemmEpilogue& epilogue) {
  const int64_t stride = OnesIndex::stride_of(x.cols);
  parallel_for((out + kWidth - 1) / kWidth, 1, [&](int64_t begin, int64_t end) {
    for (int64_t first = begin * kWidth; first < std::min(end * kWidth, out); first += kWidth) {
      const int64_t columns = std::min(kWidth, out - first);
      kernel.pack_transposed(weight + first * x.cols, x.cols, x.cols, columns, kWidth, panel);
      std::fill_n(panel + x.cols * kWidth, kWidth, 0.0f);  // what the index is filled up with
      for (int64_t block = 0; block < x.rows; block += kBlock) {
        const int64_t block_end = std::min(block + kBlock, x.rows);
        int64_t r = block;
        for (; r + kRows <= block_end; r += kRows) {
          const int64_t count = *std::max_element(x.counts + r, x.counts + r + kRows);
          kernel.add_listed(panel, x.columns + r * stride, stride, count,
                            sums + (r - block) * kWidth);
        }
        for (; r < block_end; ++r) {  // four times the same row
          float same[kRows * kWidth];
          kernel.add_listed(panel, x.columns + r * stride, 0, x.counts[r], same);
          std::copy_n(same, kWidth, sums + (r - block) * kWidth);
        }
        detail::Tile tile{};
        tile.c = y + block * out + first;
        tile.ldc = out;
        tile.columns = columns;
        tile.epilogue = &epilogue;
        if (epilogue.bias != nullptr) tile.bias = epilogue.bias + first;
        if (epilogue.derivative_output != nullptr) {
          tile.derivative = epilogue.derivative_output + block * epilogue.ld_derivative + first;
        }
        kernel.finish(sums, kWidth, block_end - block, tile);
      }
    }
  });
}

void detail::gemm_ones_weights_on(const MicroKernel& kernel, const OnesIndex& x, const float* d_y,
                                  int64_t out, float* d_weight, float* d_bias,
                                  bool d_bias_accumulate) {
  const int64_t stride = OnesIndex::stride_of(x.cols);
  if (d_bias != nullptr) column_sum(d_y, x.rows, out, out, d_bias, d_bias_accumulate, {});
  parallel_for((out + kWidth - 1) / kWidth, 1, [&](int64_t begin, int64_t end) {
    for (int64_t first = begin * kWidth; first < std::min(end * kWidth, out); first += kWidth) {
      const int64_t columns = std::min(kWidth, out - first);
      std::fill_n(panel, x.cols * kWidth, 0.0f);
      for (int64_t r = 0; r < x.rows; ++r) {
        float value[kWidth] = {};
        std::copy_n(d_y + r * out + first, columns, value);
        kernel.add_to_listed(value, x.columns + r * stride, x.counts[r], panel);
      }
      kernel.pack_transposed(panel, kWidth, columns, x.cols, x.cols, d_weight + first * x.cols);
    }
  });
}

void gemm_ones_forward(const OnesIndex& x, const float* weight, int64_t out, float* y,
                       const GemmEpilogue& epilogue) {
  detail::gemm_ones_forward_on(detail::chosen_kernel(), x, weight, out, y, epilogue);
}

void gemm_ones_weights(const OnesIndex& x, const float* d_y, int64_t out, float* d_weight,
                       float* d_bias, bool d_bias_accumulate) {
  detail::gemm_ones_weights_on(detail::chosen_kernel(), x, d_y, out, d_weight, d_bias,
                               d_bias_accumulate);
}

}  // namespace burin::cpu
