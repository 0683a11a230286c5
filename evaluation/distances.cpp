#include "evaluation/distances.h"

#include <algorithm>
#include <array>
#include <limits>
#include <stdexcept>
#include <string>

#include "kernels/common/parallel.h"
#include "kernels/common/simd.h"
#include "kernels/gemm/gemm.h"

namespace burin {
namespace {

constexpr int64_t kRowGrain = 8;
// Floats of a block: 8 MiB.
constexpr int64_t kBlock = int64_t{1} << 21;

std::vector<double> centre_of(const Points& points) {
  std::vector<double> mean(static_cast<size_t>(points.dim));
  for (int64_t i = 0; i < points.count; ++i) {
    for (size_t j = 0; j < mean.size(); ++j) mean[j] += static_cast<double>(points.row(i)[j]);
  }
  for (double& m : mean) m /= static_cast<double>(points.count);
  return mean;
}

// factor * (points - mean), and the squared norms of points - mean.
Points centred(const Points& points, const std::vector<double>& mean, float factor,
               std::vector<float>& norms) {
  Points result(points.dim, points.values);
  norms.resize(static_cast<size_t>(points.count));
  cpu::parallel_for(points.count, 256, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      float* const row = result.values.data() + i * points.dim;
      double sum = 0;
      for (int64_t j = 0; j < points.dim; ++j) {
        row[j] = static_cast<float>(static_cast<double>(row[j]) - mean[static_cast<size_t>(j)]);
        sum += static_cast<double>(row[j]) * static_cast<double>(row[j]);
        row[j] *= factor;
      }
      norms[static_cast<size_t>(i)] = static_cast<float>(sum);
    }
  });
  return result;
}

BURIN_SIMD_CLONES void add_and_clamp(float* d, int64_t n, float add) {
  for (int64_t i = 0; i < n; ++i) {
    const float sum = d[i] + add;
    d[i] = sum > 0.0f ? sum : 0.0f;
  }
}

using Nearest = std::array<float, kMostNeighbours>;

// The k smallest of d[n] without element `self`, in rising order.
void smallest(const float* d, int64_t n, int64_t self, int64_t k, Nearest& nearest) {
  std::fill(nearest.begin(), nearest.begin() + k, std::numeric_limits<float>::infinity());
  for (int64_t i = 0; i < n; ++i) {
    if (!(d[i] < nearest[static_cast<size_t>(k - 1)]) || i == self) continue;
    int64_t place = k - 1;
    for (; place > 0 && d[i] < nearest[static_cast<size_t>(place - 1)]; --place) {
      nearest[static_cast<size_t>(place)] = nearest[static_cast<size_t>(place - 1)];
    }
    nearest[static_cast<size_t>(place)] = d[i];
  }
}

}  // namespace

void squared_distances(const Points& a, const Points& b, const DistanceVisitor& visit) {
  if (a.dim != b.dim) throw std::invalid_argument("squared_distances: points of two spaces");
  if (a.count == 0 || b.count == 0) return;
  std::vector<float> norms_a, norms_b;
  const std::vector<double> mean = centre_of(b);
  const Points from = centred(a, mean, -2.0f, norms_a);
  const Points to = centred(b, mean, 1.0f, norms_b);
  const int64_t rows_at_once = std::clamp<int64_t>(kBlock / b.count, 1, a.count);
  std::vector<float> block(static_cast<size_t>(rows_at_once * b.count));
  GemmEpilogue epilogue;
  epilogue.bias = norms_b.data();
  for (int64_t first = 0; first < a.count; first += rows_at_once) {
    const int64_t rows = std::min(rows_at_once, a.count - first);
    cpu::gemm(false, true, rows, b.count, a.dim, from.row(first), a.dim, to.values.data(), b.dim,
              block.data(), b.count, epilogue, {});
    cpu::parallel_for(rows, kRowGrain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        add_and_clamp(block.data() + i * b.count, b.count, norms_a[static_cast<size_t>(first + i)]);
      }
    });
    visit(first, rows, block.data());
  }
}

std::vector<std::vector<float>> squared_radii(const Points& points,
                                              const std::vector<int64_t>& ks) {
  int64_t most = 0;
  for (const int64_t k : ks) {
    if (k < 1 || k >= points.count || k > kMostNeighbours) {
      throw std::invalid_argument("squared_radii: neighbour " + std::to_string(k) + " of " +
                                  std::to_string(points.count) + " points");
    }
    most = std::max(most, k);
  }
  std::vector<std::vector<float>> radii(ks.size(),
                                        std::vector<float>(static_cast<size_t>(points.count)));
  squared_distances(points, points, [&](int64_t first, int64_t rows, const float* d) {
    cpu::parallel_for(rows, kRowGrain, [&](int64_t begin, int64_t end) {
      Nearest nearest;
      for (int64_t i = begin; i < end; ++i) {
        smallest(d + i * points.count, points.count, first + i, most, nearest);
        for (size_t j = 0; j < ks.size(); ++j) {
          radii[j][static_cast<size_t>(first + i)] = nearest[static_cast<size_t>(ks[j] - 1)];
        }
      }
    });
  });
  return radii;
}

}  // namespace burin
