// Squared Euclidean distances between two sets of points, by matrix products.
#pragma once

#include <functional>

#include "evaluation/points.h"

namespace burin {

// What is done with squared distances d[rows, b.count] of the points a[first], ..., a[first + rows
// - 1] to all of b.
using DistanceVisitor = std::function<void(int64_t first, int64_t rows, const float* d)>;

// All of a against all of b, some rows at a time: memory does not grow with their product. As |a|^2
// + |b|^2 - 2 a b, in single precision, around b's mean and never below 0: the error is that of a
// product of `dim` terms, about epsilon * sqrt(dim) * (|a|^2 + |b|^2), also where a and b are
// close.
void squared_distances(const Points& a, const Points& b, const DistanceVisitor& visit);

inline constexpr int64_t kMostNeighbours = 16;

// Of each point the squared distance to its k-th nearest other point of the set, for each k of
// `ks`: [ks][count]. Throws std::invalid_argument unless 1 <= k < count and k <= kMostNeighbours.
std::vector<std::vector<float>> squared_radii(const Points& points, const std::vector<int64_t>& ks);

}  // namespace burin
