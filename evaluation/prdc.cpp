#include "evaluation/prdc.h"

#include <algorithm>
#include <limits>

#include "evaluation/distances.h"
#include "kernels/common/parallel.h"
#include "kernels/common/simd.h"

namespace burin {
namespace {

// Of one real point, whose distances to all generated ones are d[n].
struct RealPoint {
  int64_t inside = 0;    // generated points within its radius of density
  bool covered = false;  // there is one
  bool recalled = false;
};

BURIN_SIMD_CLONES RealPoint look_around(const float* d, int64_t n, float radius,
                                        const float* generated_radii) {
  int32_t inside = 0, recalled = 0;
  for (int64_t j = 0; j < n; ++j) {
    inside += d[j] <= radius ? 1 : 0;
    recalled += d[j] <= generated_radii[j] ? 1 : 0;
  }
  return {inside, inside > 0, recalled > 0};
}

BURIN_SIMD_CLONES void mark_within(const float* d, int64_t n, float radius, int32_t* marks) {
  for (int64_t j = 0; j < n; ++j) marks[j] |= d[j] <= radius ? 1 : 0;
}

}  // namespace

NeighbourRadii neighbour_radii(const Points& points) {
  std::vector<std::vector<float>> radii =
      squared_radii(points, {kPrecisionNeighbour, kDensityNeighbour});
  return {std::move(radii[0]), std::move(radii[1])};
}

Prdc prdc(const Points& real, const NeighbourRadii& real_radii, const Points& generated,
          const NeighbourRadii& generated_radii) {
  const int64_t n = generated.count;
  std::vector<RealPoint> seen(static_cast<size_t>(real.count));
  std::vector<int32_t> precise(static_cast<size_t>(n), 0);
  squared_distances(real, generated, [&](int64_t first, int64_t rows, const float* d) {
    cpu::parallel_for(rows, 8, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const size_t point = static_cast<size_t>(first + i);
        seen[point] =
            look_around(d + i * n, n, real_radii.density[point], generated_radii.precision.data());
      }
    });
    cpu::parallel_for(n, 1024, [&](int64_t begin, int64_t end) {
      for (int64_t i = 0; i < rows; ++i) {
        mark_within(d + i * n + begin, end - begin,
                    real_radii.precision[static_cast<size_t>(first + i)], precise.data() + begin);
      }
    });
  });
  int64_t inside = 0, covered = 0, recalled = 0, within = 0;
  for (const RealPoint& point : seen) {
    inside += point.inside;
    covered += point.covered ? 1 : 0;
    recalled += point.recalled ? 1 : 0;
  }
  for (const int32_t mark : precise) within += mark;
  const double reals = static_cast<double>(real.count), made = static_cast<double>(n);
  return {static_cast<double>(within) / made, static_cast<double>(recalled) / reals,
          static_cast<double>(inside) / (static_cast<double>(kDensityNeighbour) * made),
          static_cast<double>(covered) / reals};
}

}  // namespace burin
