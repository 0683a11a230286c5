// The Frechet distance of two sets of points, each taken for a Gaussian.
//   |m1 - m2|^2 + tr(S1 + S2 - 2 (S1^1/2 S2 S1^1/2)^1/2),  S over N - 1
// Dowson & Landau 1982; of features of images, Heusel et al. 2017. Squared,
// as it is usually given.
// docs/evaluation.md#frechet-distance
#pragma once

#include "evaluation/points.h"

namespace burin {

// Mean and covariance of a set, in double: what the distance needs of it.
struct Gaussian {
  int64_t dim = 0;
  std::vector<double> mean;        // [dim]
  std::vector<double> covariance;  // [dim, dim]
};

// Points that a covariance of full rank takes.
inline int64_t frechet_least(int64_t dim) {
  return dim + 1;
}

// Throws std::invalid_argument for fewer than frechet_least(points.dim) points.
Gaussian gaussian_of(const Points& points);

// By symmetric eigendecompositions in double, eigenvalues below 0 taken for 0.
double frechet_distance(const Gaussian& a, const Gaussian& b);

}  // namespace burin
