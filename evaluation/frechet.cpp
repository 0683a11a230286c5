#include "evaluation/frechet.h"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <stdexcept>
#include <string>

namespace burin {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Floats = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Solver = Eigen::SelfAdjointEigenSolver<Matrix>;

Eigen::Map<const Matrix> covariance_of(const Gaussian& gaussian) {
  return {gaussian.covariance.data(), gaussian.dim, gaussian.dim};
}

Solver solve(const Matrix& matrix, int options) {
  Solver solver(matrix, options);
  if (solver.info() != Eigen::Success) {
    throw std::runtime_error("frechet: the eigenvalues do not converge; infinite or NaN features?");
  }
  return solver;
}

}  // namespace

Gaussian gaussian_of(const Points& points) {
  if (points.count < frechet_least(points.dim)) {
    throw std::invalid_argument("frechet: " + std::to_string(points.count) + " points of " +
                                std::to_string(points.dim) + " dimensions; expected at least " +
                                std::to_string(frechet_least(points.dim)));
  }
  const Eigen::Map<const Floats> floats(points.values.data(), points.count, points.dim);
  const Matrix values = floats.cast<double>();
  const Eigen::RowVectorXd mean = values.colwise().mean();
  const Matrix centred = values.rowwise() - mean;
  Gaussian result;
  result.dim = points.dim;
  result.mean.assign(mean.data(), mean.data() + points.dim);
  result.covariance.resize(static_cast<size_t>(points.dim * points.dim));
  Eigen::Map<Matrix>(result.covariance.data(), points.dim, points.dim) =
      centred.transpose() * centred / static_cast<double>(points.count - 1);
  return result;
}

double frechet_distance(const Gaussian& a, const Gaussian& b) {
  if (a.dim != b.dim) throw std::invalid_argument("frechet: points of two spaces");
  const Solver of_a = solve(covariance_of(a), Eigen::ComputeEigenvectors);
  const Matrix root = of_a.eigenvectors() *
                      of_a.eigenvalues().cwiseMax(0.0).cwiseSqrt().asDiagonal() *
                      of_a.eigenvectors().transpose();
  const Matrix middle = root * covariance_of(b) * root;
  const double cross =
      solve(middle, Eigen::EigenvaluesOnly).eigenvalues().cwiseMax(0.0).cwiseSqrt().sum();
  double result = covariance_of(a).trace() + covariance_of(b).trace() - 2.0 * cross;
  for (size_t i = 0; i < a.mean.size(); ++i) {
    result += (a.mean[i] - b.mean[i]) * (a.mean[i] - b.mean[i]);
  }
  return result;
}

}  // namespace burin
