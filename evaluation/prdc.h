// How much of the generated images is like real ones, and how much of the real ones is there.
//   radius_k(x): the distance of x to its k-th nearest other point of its own set
//   precision  the fraction of generated points within radius_3 of some real point
//   recall     the fraction of real points within radius_3 of some generated point
//     Kynkaanniemi et al. 2019, "Improved precision and recall metric for assessing generative
//     models", k = 3
//   density    1/(5 M) sum over generated points of how many real points have it within radius_5
//   coverage   the fraction of real points that have a generated one within radius_5
//     Naeem et al. 2020, "Reliable fidelity and diversity metrics for generative models",
//     k = 5
// docs/evaluation.md#precision-recall-density-coverage
#pragma once

#include "evaluation/points.h"

namespace burin {

struct Prdc {
  double precision = 0;
  double recall = 0;
  double density = 0;  // may exceed 1
  double coverage = 0;
};

inline constexpr int64_t kPrecisionNeighbour = 3;
inline constexpr int64_t kDensityNeighbour = 5;
// Points that each set must have.
inline constexpr int64_t kPrdcLeast = kDensityNeighbour + 1;

// The radii of a set of points, which several comparisons may use.
struct NeighbourRadii {
  std::vector<float> precision;  // squared, [count], of kPrecisionNeighbour
  std::vector<float> density;    // of kDensityNeighbour
};
// Throws std::invalid_argument for fewer than kPrdcLeast points.
NeighbourRadii neighbour_radii(const Points& points);

Prdc prdc(const Points& real, const NeighbourRadii& real_radii, const Points& generated,
          const NeighbourRadii& generated_radii);

}  // namespace burin
