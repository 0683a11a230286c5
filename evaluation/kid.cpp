#include "evaluation/kid.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "evaluation/mean.h"
#include "kernels/common/parallel.h"
#include "kernels/gemm/gemm.h"

namespace burin {
namespace {

// Points first, first + stride, ..., `count` of them.
Points every(const Points& points, int64_t first, int64_t stride, int64_t count) {
  std::vector<float> values;
  values.reserve(static_cast<size_t>(count * points.dim));
  for (int64_t i = 0; i < count; ++i) {
    const float* const row = points.row(first + i * stride);
    values.insert(values.end(), row, row + points.dim);
  }
  return Points(points.dim, std::move(values));
}

// The sum of the kernel over all pairs, without those of equal numbers if `distinct`.
double kernel_sum(const Points& x, const Points& y, bool distinct) {
  std::vector<float> products(static_cast<size_t>(x.count * y.count));
  cpu::gemm(false, true, x.count, y.count, x.dim, x.values.data(), x.dim, y.values.data(), y.dim,
            products.data(), y.count, GemmEpilogue(), {});
  std::vector<double> sums(static_cast<size_t>(x.count));
  const double per_dim = 1.0 / static_cast<double>(x.dim);
  cpu::parallel_for(x.count, 8, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      double sum = 0;
      for (int64_t j = 0; j < y.count; ++j) {
        if (distinct && i == j) continue;
        const double base =
            static_cast<double>(products[static_cast<size_t>(i * y.count + j)]) * per_dim + 1.0;
        sum += base * base * base;
      }
      sums[static_cast<size_t>(i)] = sum;
    }
  });
  double total = 0;
  for (const double sum : sums) total += sum;
  return total;
}

double squared_mmd(const Points& x, const Points& y) {
  const double m = static_cast<double>(x.count);
  return (kernel_sum(x, x, true) + kernel_sum(y, y, true)) / (m * (m - 1.0)) -
         2.0 * kernel_sum(x, y, false) / (m * m);
}

}  // namespace

Kid kid(const Points& x, const Points& y, int64_t block) {
  const int64_t least = std::min(x.count, y.count);
  if (x.dim != y.dim || least < kKidLeast || block < kKidLeast) {
    throw std::invalid_argument("kid: " + std::to_string(x.count) + " and " +
                                std::to_string(y.count) + " points in blocks of " +
                                std::to_string(block) + "; expected at least 2, of one space");
  }
  Kid result;
  result.blocks = std::max<int64_t>(1, least / block);
  result.block = std::min(block, least);
  const int64_t stride_x = x.count / result.block, stride_y = y.count / result.block;
  std::vector<double> values;
  for (int64_t i = 0; i < result.blocks; ++i) {
    values.push_back(
        squared_mmd(every(x, i, stride_x, result.block), every(y, i, stride_y, result.block)));
  }
  const Mean mean = mean_of(values);
  result.value = mean.value;
  result.error = mean.error;
  return result;
}

}  // namespace burin
