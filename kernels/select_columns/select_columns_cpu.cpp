#include <algorithm>

#include "kernels/common/parallel.h"
#include "kernels/common/simd.h"
#include "kernels/select_columns/select_columns.h"

namespace burin::cpu {
namespace {

BURIN_SIMD_CLONES
void select_row(const float* x, const int32_t* columns, int64_t n, float* y) {
  for (int64_t j = 0; j < n; ++j) y[j] = columns[j] < 0 ? 0.0f : x[columns[j]];
}

}  // namespace

void select_columns(const float* x, int64_t rows, int64_t cols, const int32_t* columns, int64_t n,
                    float* y, Stream) {
  const int64_t grain = std::max<int64_t>(1, kElementwiseGrain / (n + 1));
  parallel_for(rows, grain, [=](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) select_row(x + r * cols, columns, n, y + r * n);
  });
}

}  // namespace burin::cpu
