// What the L1 modes mean, pinned by problems whose solution is known: the Lasso
//   F(w) = |X w - y|^2 / 2 + lambda |w|_1
// solved by coordinate descent in double, in closed form for an orthogonal design, and at
// lambda_max.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "kernels/l1_update/l1_update.h"
#include "tests/oracle.h"

namespace burin::test {
namespace {

using Vector = std::vector<double>;

// By its Gram matrix: gradient of the smooth part = gram w - correlation.
struct Lasso {
  size_t d = 0;
  Vector gram;         // [d, d] X^T X
  Vector correlation;  // [d] X^T y
  double half_y_squared = 0;
  double lambda = 0;

  Lasso(const std::vector<Vector>& columns /* [d][rows] */, const Vector& y, double lambda_)
      : d(columns.size()), gram(d * d), correlation(d), lambda(lambda_) {
    const auto dot = [](const Vector& a, const Vector& b) {
      double sum = 0;
      for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
      return sum;
    };
    for (size_t i = 0; i < d; ++i) {
      correlation[i] = dot(columns[i], y);
      for (size_t j = 0; j < d; ++j) gram[i * d + j] = dot(columns[i], columns[j]);
    }
    half_y_squared = dot(y, y) / 2;
  }

  template <class T>
  double derivative(const std::vector<T>& w, size_t i) const {
    double sum = -correlation[i];
    for (size_t j = 0; j < d; ++j) sum += gram[i * d + j] * double(w[j]);
    return sum;
  }

  // All derivatives, a row of the Gram matrix for each weight that is not zero, over plain
  // pointers: a training takes it 10^4 times, and is run without optimisation too.
  Vector gradient(const std::vector<float>& w) const {
    Vector g(d);
    for (size_t i = 0; i < d; ++i) g[i] = -correlation[i];
    for (size_t j = 0; j < d; ++j) {
      if (w[j] == 0.0f) continue;
      const double* row = gram.data() + j * d;
      const auto x = double(w[j]);
      double* out = g.data();
      for (const double* const end = row + d; row != end; ++row, ++out) *out += *row * x;
    }
    return g;
  }

  template <class T>
  double objective(const std::vector<T>& w) const {
    double sum = half_y_squared;
    for (size_t i = 0; i < d; ++i) {
      const double x = double(w[i]);
      sum += x * (derivative(w, i) - correlation[i]) / 2 + lambda * std::abs(x);
    }
    return sum;
  }

  double largest_correlation() const {
    double largest = 0;
    for (const double c : correlation) largest = std::max(largest, std::abs(c));
    return largest;
  }

  // Cyclic coordinate descent until no weight moves.
  Vector optimum() const {
    Vector w(d, 0.0);
    for (int sweep = 0; sweep < 100000; ++sweep) {
      double moved = 0;
      for (size_t i = 0; i < d; ++i) {
        const double curvature = gram[i * d + i];
        const double target = curvature * w[i] - derivative(w, i);
        const double next = oracle::l1_prox(target, lambda) / curvature;
        moved = std::max(moved, std::abs(next - w[i]) * std::sqrt(curvature));
        w[i] = next;
      }
      if (moved < 1e-14) break;
    }
    return w;
  }
};

// Columns with deviations spread evenly over `decades`, and a sparse truth whose parts of y are of
// one size. Scaled so that X^T X has a diagonal around the squared deviation.
Lasso random_lasso(size_t rows, size_t d, double decades, double lambda_fraction) {
  std::mt19937 engine(7);
  std::normal_distribution<double> normal;
  std::vector<Vector> columns(d, Vector(rows));
  Vector y(rows);
  for (double& v : y) v = 0.5 * normal(engine) / std::sqrt(double(rows));
  for (size_t j = 0; j < d; ++j) {
    const double scale = std::pow(10.0, -decades * double((j * 37) % d) / double(d - 1));
    for (double& x : columns[j]) x = scale * normal(engine) / std::sqrt(double(rows));
    const double part = j % 3 == 0 ? normal(engine) / scale : 0.0;
    for (size_t i = 0; i < rows; ++i) y[i] += columns[j][i] * part;
  }
  Lasso problem(columns, y, 0);
  problem.lambda = lambda_fraction * problem.largest_correlation();
  return problem;
}

struct Schedule {
  int steps;
  double first_rate;
  double last_rate;  // reached geometrically
};

// Full-batch training of single-precision weights by the kernel, from a dense start.
std::vector<float> train(const Lasso& problem, const UpdateRule& rule, const Schedule& schedule) {
  const int64_t d = int64_t(problem.d);
  std::vector<float> w(problem.d), g(problem.d), m(problem.d), v(problem.d), a(problem.d);
  for (size_t i = 0; i < problem.d; ++i) w[i] = (i % 2 == 0 ? 0.1f : -0.1f);
  const UpdateSegment segment{0, d, float(problem.lambda)};
  for (int t = 1; t <= schedule.steps; ++t) {
    const Vector gradient = problem.gradient(w);
    std::copy(gradient.begin(), gradient.end(), g.begin());
    const double progress = double(t - 1) / schedule.steps;
    const double rate =
        schedule.first_rate * std::pow(schedule.last_rate / schedule.first_rate, progress);
    const UpdateScalars scalars = update_scalars(rule, float(rate), t);
    cpu::l1_update(w.data(), g.data(), m.data(), v.data(), a.data(), &segment, 1, d, rule, &scalars,
                   nullptr, {});
  }
  return w;
}

template <class T>
std::vector<bool> zero_set(const std::vector<T>& w) {
  std::vector<bool> set;
  for (const T x : w) set.push_back(x == T{0});
  return set;
}

template <class T>
int64_t zeros(const std::vector<T>& w) {
  return std::count(w.begin(), w.end(), T{0});
}

// Two decades of scale. The rates fall geometrically: Adam's noise-free steps still have the size
// of the rate, and exact zeros ask for steps below the weights that must stay.
class BadlyScaledLasso : public ::testing::Test {
 protected:
  BadlyScaledLasso() : problem_(random_lasso(200, 100, 2.0, 0.02)), optimum_(problem_.optimum()) {
    best_ = problem_.objective(optimum_);
  }
  std::vector<float> adam(L1Mode mode, double last_rate = 0.01) const {
    return train(problem_, {.optimizer = OptimizerKind::adam, .l1_mode = mode},
                 {20000, 0.1, last_rate});
  }
  double gap(const std::vector<float>& w) const { return problem_.objective(w) - best_; }

  Lasso problem_;
  Vector optimum_;
  double best_ = 0;
};

// That the yardstick is right: the subgradient conditions, and a support that is worth finding.
TEST_F(BadlyScaledLasso, CoordinateDescentSatisfiesTheOptimalityConditions) {
  double margin = 1;  // of the zeros: 1 - |gradient| / lambda
  for (size_t i = 0; i < problem_.d; ++i) {
    const double gradient = problem_.derivative(optimum_, i) / problem_.lambda;
    if (optimum_[i] == 0) {
      margin = std::min(margin, 1 - std::abs(gradient));
    } else {
      EXPECT_NEAR(gradient, optimum_[i] > 0 ? -1 : 1, 1e-9);
    }
  }
  EXPECT_GT(margin, 0.01);
  EXPECT_GT(zeros(optimum_), 30);
  EXPECT_LT(zeros(optimum_), 70);
}

TEST_F(BadlyScaledLasso, ProxFindsTheOptimumAndItsZeros) {
  const std::vector<float> w = adam(L1Mode::prox);
  EXPECT_EQ(zero_set(w), zero_set(optimum_));
  EXPECT_NEAR(gap(w), 0, 1e-9 * best_);
}

TEST_F(BadlyScaledLasso, DecoupledFindsSomethingElse) {
  EXPECT_GT(gap(adam(L1Mode::decoupled)), 0.1 * best_);
}

TEST_F(BadlyScaledLasso, SubgradientFindsTheObjectiveButNoZeros) {
  // The sign flips at every step around 0, by as much as the rate, which has to go down for that.
  const std::vector<float> w = adam(L1Mode::subgradient, 1e-5);
  EXPECT_LT(gap(w), 1e-5 * best_);
  EXPECT_EQ(zeros(w), 0);
  EXPECT_GT(zeros(optimum_), 0);
}

TEST(L1UpdateLasso, SgdAndMomentumFindTheOptimumAndItsZeros) {
  const Lasso problem = random_lasso(200, 100, 0.3, 0.05);
  const Vector optimum = problem.optimum();
  const double best = problem.objective(optimum);
  EXPECT_GT(zeros(optimum), 30);
  EXPECT_LT(zeros(optimum), 90);
  for (const auto& [optimizer, rate] :
       {std::pair{OptimizerKind::sgd, 0.3}, std::pair{OptimizerKind::momentum, 0.05}}) {
    const std::vector<float> w = train(problem, {.optimizer = optimizer}, {5000, rate, rate});
    EXPECT_EQ(zero_set(w), zero_set(optimum));
    EXPECT_NEAR(problem.objective(w), best, 1e-9 * best);
  }
}

// A threshold of lr * lambda, without the division by D = 1 - mu, ends at the optimum for the
// penalty (1 - mu) * lambda. The mode `decoupled` is that rule.
TEST(L1UpdateLasso, MomentumNeedsItsDiagonalInTheThreshold) {
  const Lasso problem = random_lasso(200, 100, 0.3, 0.05);
  const double best = problem.objective(problem.optimum());
  const UpdateRule rule{.optimizer = OptimizerKind::momentum, .l1_mode = L1Mode::decoupled};
  const std::vector<float> w = train(problem, rule, {5000, 0.05, 0.05});
  EXPECT_GT(problem.objective(w), 1.05 * best);

  Lasso weaker = problem;
  weaker.lambda *= 1 - double(rule.momentum);
  const Vector weaker_optimum = weaker.optimum();
  EXPECT_EQ(zero_set(w), zero_set(weaker_optimum));
  EXPECT_NEAR(weaker.objective(w), weaker.objective(weaker_optimum),
              1e-9 * weaker.objective(weaker_optimum));
}

struct OptimizerCase {
  OptimizerKind optimizer;
  Schedule schedule;
};

// Rates for problems whose Gram matrix is near the identity. Adagrad's D grows with the root of the
// steps, for the gradient stays: it is lambda. AMSGrad's stays at the largest. Adadelta's is huge.
const std::vector<OptimizerCase> kOptimizerCases = {
    {OptimizerKind::sgd, {2000, 0.3, 0.3}},        {OptimizerKind::momentum, {2000, 0.05, 0.05}},
    {OptimizerKind::nesterov, {2000, 0.05, 0.05}}, {OptimizerKind::adagrad, {2000, 2, 2}},
    {OptimizerKind::rmsprop, {3000, 0.2, 1e-5}},   {OptimizerKind::adadelta, {3000, 300, 0.03}},
    {OptimizerKind::adam, {5000, 0.05, 1e-4}},     {OptimizerKind::adamw, {5000, 0.05, 1e-4}},
    {OptimizerKind::adamax, {3000, 0.5, 1e-3}},    {OptimizerKind::nadam, {5000, 0.05, 1e-4}},
    {OptimizerKind::amsgrad, {3000, 0.3, 0.3}}};

// X^T X = I: w = sign(X^T y) max(|X^T y| - lambda, 0).
TEST(L1UpdateLasso, OrthogonalDesignIsTheClosedForm) {
  const size_t d = 40, rows = 64;
  std::mt19937 engine(3);
  std::normal_distribution<double> normal;
  std::vector<Vector> columns;
  while (columns.size() < d) {  // Gram-Schmidt, twice for orthogonality to the last bits
    Vector column(rows);
    for (double& x : column) x = normal(engine);
    for (int pass = 0; pass < 2; ++pass) {
      for (const Vector& other : columns) {
        double projection = 0;
        for (size_t i = 0; i < rows; ++i) projection += column[i] * other[i];
        for (size_t i = 0; i < rows; ++i) column[i] -= projection * other[i];
      }
      double squares = 0;
      for (const double x : column) squares += x * x;
      for (double& x : column) x /= std::sqrt(squares);
    }
    columns.push_back(column);
  }
  Vector y(rows);
  for (double& v : y) v = normal(engine);
  const Lasso problem(columns, y, 0.7);

  for (const OptimizerCase& c : kOptimizerCases) {
    SCOPED_TRACE(int(c.optimizer));
    const std::vector<float> w = train(problem, {.optimizer = c.optimizer}, c.schedule);
    int64_t expected_zeros = 0;
    for (size_t i = 0; i < d; ++i) {
      const double expected = oracle::l1_prox(problem.correlation[i], problem.lambda);
      EXPECT_NEAR(double(w[i]), expected, 1e-5) << "weight " << i;
      EXPECT_EQ(w[i] == 0.0f, expected == 0) << "weight " << i;
      expected_zeros += expected == 0;
    }
    EXPECT_GT(expected_zeros, 5);
    EXPECT_LT(expected_zeros, 35);
  }
}

// lambda_max = |X^T y|_inf is the smallest penalty whose optimum is w = 0.
TEST(L1UpdateLasso, LambdaMaxGivesAllZeros) {
  Lasso problem = random_lasso(80, 40, 0.3, 1.0);
  const double lambda_max = problem.lambda;
  for (const OptimizerCase& c : kOptimizerCases) {
    SCOPED_TRACE(int(c.optimizer));
    problem.lambda = 1.001 * lambda_max;
    EXPECT_EQ(zeros(train(problem, {.optimizer = c.optimizer}, c.schedule)), 40);
    problem.lambda = 0.98 * lambda_max;
    EXPECT_LT(zeros(train(problem, {.optimizer = c.optimizer}, c.schedule)), 40);
  }
}

}  // namespace
}  // namespace burin::test
