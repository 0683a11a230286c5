// Rows of a group drawn by their weights, again and again: systematic resampling (Kitagawa 1996).
// One uniform number u a group, and draw j is the first row s with
//   sum_{t <= s} weight_t > (u + j) / draws * sum of weight
// so that a row of the share v of its group's weights is drawn floor(draws v) or ceil(draws v)
// times, and draws v times in the mean.
// docs/maths.md#resample
#pragma once

#include <cstdint>

#include "kernels/common/host_device.h"
#include "kernels/common/philox.h"
#include "kernels/common/stream.h"

namespace burin {

// The rows of one group: pick(j, s) for each draw j = 0, 1, ..., s rising.
template <class Pick>
BURIN_HOST_DEVICE void for_draws(const float* weight, int64_t rows, int64_t draws, float u,
                                 const Pick& pick) {
  double total = 0.0;
  for (int64_t s = 0; s < rows; ++s) total += static_cast<double>(weight[s]);
  const double distance = total / static_cast<double>(draws);
  double sum = static_cast<double>(weight[0]);
  int64_t s = 0;
  for (int64_t j = 0; j < draws; ++j) {
    const double position = (static_cast<double>(u) + static_cast<double>(j)) * distance;
    while (s + 1 < rows && !(position < sum)) sum += static_cast<double>(weight[++s]);
    pick(j, s);
  }
}

// Contract of both twins: the same bits for any thread count or block order, and from both twins.
namespace cpu {
// drawn[groups * draws, cols] and drawn_weights[groups * draws], overwritten: rows of
// x[groups * rows, cols] and their weights[groups * rows], each >= 0, in the order of the rows. u
// of group i is number i of random_uniform. Sums are in double, in the order of the rows. Weights
// that are all 0, or one that is NaN: the group's last row. Outputs overlap nothing. Of the sizes
// only rows must be at least 1.
void resample(const float* x, const float* weights, int64_t groups, int64_t rows, int64_t cols,
              int64_t draws, RandomKey key, float* drawn, float* drawn_weights, Stream stream);
}  // namespace cpu

namespace cuda {
decltype(cpu::resample) resample;
}

}  // namespace burin
