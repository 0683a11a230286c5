// What the penalties beside L1 mean, by problems whose solution is known: minimise
//   (w - c)^T A (w - c) / 2 + penalty(w)
// in closed form where A = I, and by the optimum's conditions.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "kernels/l1_update/l1_update.h"
#include "tests/kernels/l1_update_network.h"
#include "tests/oracle.h"

namespace burin::test {
namespace {

constexpr int64_t kRows = 10, kRow = 4;  // and a bias each
constexpr int64_t kWeights = kRows * kRow, kAll = kWeights + kRows;

using Vector = std::vector<double>;

struct Quadratic {
  Vector a = Vector(kAll * kAll, 0.0);  // symmetric
  Vector c = Vector(kAll, 0.0);
  Vector at_zero = Vector(kAll, 0.0);  // the gradient there: -A c

  // A = I + (what `coupling` asks for), its diagonal scaled over a decade.
  explicit Quadratic(double coupling) {
    std::mt19937 engine(5);
    std::normal_distribution<double> normal;
    Vector b(kAll * kAll), scale(kAll);
    for (double& x : b) x = coupling * normal(engine) / std::sqrt(double(kAll));
    for (int64_t i = 0; i < kAll; ++i) {
      scale[size_t(i)] = coupling > 0 ? std::pow(10.0, -double(i % 7) / 6) : 1.0;
      // Some rows strong and some weak.
      const int64_t row = i < kWeights ? i / kRow : i - kWeights;
      c[size_t(i)] = normal(engine) * (0.2 + double(row % 4)) / scale[size_t(i)];
    }
    for (int64_t i = 0; i < kAll; ++i) {
      for (int64_t j = 0; j < kAll; ++j) {
        double sum = i == j ? 1.0 : 0.0;
        for (int64_t k = 0; k < kAll; ++k) sum += b[size_t(i * kAll + k)] * b[size_t(j * kAll + k)];
        a[size_t(i * kAll + j)] = sum * scale[size_t(i)] * scale[size_t(j)];
        at_zero[size_t(i)] -= a[size_t(i * kAll + j)] * c[size_t(j)];
      }
    }
  }
  // A row for each weight that is not zero, over plain pointers: a test takes it 10^5 times, and
  // is run without optimisation too.
  Vector gradient(const std::vector<float>& w) const {
    Vector g = at_zero;
    for (int64_t j = 0; j < kAll; ++j) {
      if (w[size_t(j)] == 0.0f) continue;
      const double* row = a.data() + j * kAll;
      const auto x = double(w[size_t(j)]);
      double* out = g.data();
      for (const double* const end = row + kAll; row != end; ++row, ++out) *out += *row * x;
    }
    return g;
  }
};

struct Training {
  UpdateRule rule;
  int steps;
  double first_rate, last_rate;  // reached geometrically
};

std::vector<float> train(const Quadratic& problem, const Training& training, float lambda) {
  std::vector<float> w(kAll, 0.3f), g(kAll), m(kAll), v(kAll), a(kAll);
  std::vector<UpdateSegment> segments = {{0, kWeights, lambda}, {kWeights, kRows, 0.0f}};
  segments[0].row = kRow;
  segments[0].bias = kWeights;
  segments[1].in_rows = true;
  for (int t = 1; t <= training.steps; ++t) {
    const Vector gradient = problem.gradient(w);
    std::copy(gradient.begin(), gradient.end(), g.begin());
    const double rate = training.first_rate * std::pow(training.last_rate / training.first_rate,
                                                       double(t - 1) / training.steps);
    const UpdateScalars scalars = update_scalars(training.rule, float(rate), t);
    cpu::l1_update(w.data(), g.data(), m.data(), v.data(), a.data(), segments.data(), 2, kAll,
                   training.rule, &scalars, nullptr, {});
  }
  return w;
}

// Rates that suit both problems.
std::vector<Training> trainings(Penalty penalty, int steps) {
  const auto rule = [penalty](OptimizerKind optimizer) {
    return UpdateRule{.optimizer = optimizer, .penalty = penalty, .l1_ratio = 0.7f};
  };
  return {{rule(OptimizerKind::sgd), steps, 0.2, 0.2},
          {rule(OptimizerKind::momentum), steps, 0.02, 0.02},
          {rule(OptimizerKind::nesterov), steps, 0.02, 0.02},
          {rule(OptimizerKind::adagrad), steps, 2, 2},
          {rule(OptimizerKind::rmsprop), steps, 0.2, 1e-4},
          {rule(OptimizerKind::adadelta), steps, 300, 0.03},
          {rule(OptimizerKind::adam), steps, 0.2, 1e-4},
          {rule(OptimizerKind::adamw), steps, 0.2, 1e-4},
          {rule(OptimizerKind::adamax), steps, 0.5, 1e-3},
          {rule(OptimizerKind::nadam), steps, 0.2, 1e-4},
          {rule(OptimizerKind::amsgrad), steps, 0.3, 0.3}};
}

// The elements of a row, its bias last.
std::vector<int64_t> places(int64_t row) {
  std::vector<int64_t> list;
  for (int64_t j = 0; j < kRow; ++j) list.push_back(row * kRow + j);
  list.push_back(kWeights + row);
  return list;
}

// A = I: each row is c's, shortened by lambda sqrt(n).
TEST(GroupLasso, OrthogonalDesignIsTheClosedForm) {
  const Quadratic problem(0);
  const float lambda = 0.8f;
  for (const Training& training : trainings(Penalty::group_lasso, 2000)) {
    SCOPED_TRACE(kOptimizerNames[int(training.rule.optimizer)]);
    const std::vector<float> w = train(problem, training, lambda);
    int dead = 0;
    for (int64_t row = 0; row < kRows; ++row) {
      double norm = 0;
      for (const int64_t i : places(row)) norm = std::hypot(norm, problem.c[size_t(i)]);
      const double factor = std::max(0.0, 1 - double(lambda) * std::sqrt(kRow + 1.0) / norm);
      dead += factor == 0;
      for (const int64_t i : places(row)) {
        EXPECT_NEAR(double(w[size_t(i)]), factor * problem.c[size_t(i)], 2e-5) << row << ", " << i;
        EXPECT_EQ(w[size_t(i)] == 0.0f, factor == 0) << row;
      }
    }
    EXPECT_GT(dead, 2);
    EXPECT_LT(dead, kRows - 2);
  }
}

// Rows are zero as a whole or not at all, the bias included, and where one is not the gradient is
// -lambda sqrt(n) w / |w|: the optimum's conditions, whatever the optimiser's diagonals are.
TEST(GroupLasso, WholeRowsDieAndTheRestIsStationary) {
  const Quadratic problem(0.7);
  const float lambda = 0.5f;
  for (const Training& training : trainings(Penalty::group_lasso, 6000)) {
    SCOPED_TRACE(kOptimizerNames[int(training.rule.optimizer)]);
    const std::vector<float> w = train(problem, training, lambda);
    const Vector gradient = problem.gradient(w);
    const double strength = double(lambda) * std::sqrt(kRow + 1.0);
    int dead = 0;
    for (int64_t row = 0; row < kRows; ++row) {
      double norm = 0, gradient_norm = 0;
      int zeros = 0;
      for (const int64_t i : places(row)) {
        zeros += w[size_t(i)] == 0.0f;
        norm = std::hypot(norm, double(w[size_t(i)]));
        gradient_norm = std::hypot(gradient_norm, gradient[size_t(i)]);
      }
      if (zeros > 0) {
        EXPECT_EQ(zeros, kRow + 1);
        EXPECT_LE(gradient_norm, strength * (1 + 1e-3));
        ++dead;
        continue;
      }
      for (const int64_t i : places(row)) {
        EXPECT_NEAR(gradient[size_t(i)], -strength * double(w[size_t(i)]) / norm, 2e-3 * strength);
      }
    }
    EXPECT_GT(dead, 2);
    EXPECT_LT(dead, kRows - 2);
  }
}

// lambda_max: the largest |gradient at zero| / sqrt(n) of a row.
TEST(GroupLasso, LambdaMaxKillsEveryRow) {
  const Quadratic problem(0.7);
  double largest = 0;
  for (int64_t row = 0; row < kRows; ++row) {
    double norm = 0;
    for (const int64_t i : places(row)) norm = std::hypot(norm, problem.at_zero[size_t(i)]);
    largest = std::max(largest, norm / std::sqrt(kRow + 1.0));
  }
  for (const Training& training : trainings(Penalty::group_lasso, 3000)) {
    SCOPED_TRACE(kOptimizerNames[int(training.rule.optimizer)]);
    const auto zeros = [&](double lambda) {
      const std::vector<float> w = train(problem, training, float(lambda));
      return std::count(w.begin(), w.end(), 0.0f);
    };
    EXPECT_EQ(zeros(1.05 * largest), kAll);
    EXPECT_LT(zeros(0.95 * largest), kAll);
  }
}

// A = I: soft-thresholded by lambda r and divided by 1 + lambda (1 - r). Biases are free.
TEST(ElasticNet, OrthogonalDesignIsTheClosedForm) {
  const Quadratic problem(0);
  const double lambda = 0.9;
  for (const Training& training : trainings(Penalty::elastic_net, 3000)) {
    SCOPED_TRACE(kOptimizerNames[int(training.rule.optimizer)]);
    const std::vector<float> w = train(problem, training, float(lambda));
    const double ratio = training.rule.l1_ratio;
    for (int64_t i = 0; i < kAll; ++i) {
      const double c = problem.c[size_t(i)];
      const double want =
          i < kWeights ? oracle::l1_prox(c, lambda * ratio) / (1 + lambda * (1 - ratio)) : c;
      EXPECT_NEAR(double(w[size_t(i)]), want, 1e-3) << i;
      if (i < kWeights) {
        EXPECT_EQ(w[size_t(i)] == 0.0f, want == 0) << i;
      }
    }
  }
}

// A = I: c / (1 + lambda) where L2 is in the gradient. AdamW's decay of the same strength is no
// gradient: under Adam it ends elsewhere, under SGD it does not.
TEST(L2, CoupledIsRidgeAndDecoupledIsNot) {
  const Quadratic problem(0);
  const double lambda = 0.5;
  for (Training training : trainings(Penalty::l2, 2000)) {
    SCOPED_TRACE(kOptimizerNames[int(training.rule.optimizer)]);
    double largest = 0, largest_decoupled = 0;
    const std::vector<float> coupled = train(problem, training, float(lambda));
    for (int64_t i = 0; i < kWeights; ++i) {
      const double ridge = problem.c[size_t(i)] / (1 + lambda);
      largest = std::max(largest, std::abs(double(coupled[size_t(i)]) - ridge));
    }
    EXPECT_LT(largest, 1e-3);
    if (training.rule.optimizer == OptimizerKind::adadelta) continue;  // its rate is no decay's
    training.rule.l2_mode = L2Mode::decoupled;
    const std::vector<float> decoupled = train(problem, training, float(lambda));
    for (int64_t i = 0; i < kWeights; ++i) {
      const double ridge = problem.c[size_t(i)] / (1 + lambda);
      largest_decoupled =
          std::max(largest_decoupled, std::abs(double(decoupled[size_t(i)]) - ridge));
    }
    if (training.rule.optimizer == OptimizerKind::sgd) {
      EXPECT_LT(largest_decoupled, 1e-3);
    } else {
      EXPECT_GT(largest_decoupled, 1e-2);
    }
  }
}

// What stays zero: a row's zeros, and its bias if all of the row is zero.
TEST(GroupLasso, KeptZerosStay) {
  for (const float lambda : {0.0f, 0.01f}) {
    for (const OptimizerKind optimizer : kOptimizers) {
      SCOPED_TRACE(kOptimizerNames[int(optimizer)]);
      constexpr int64_t row = 5;
      std::vector<float> w = {0,
                              -0.0f,
                              0,
                              0,
                              0,
                              /**/ 1,
                              0,
                              1,
                              0,
                              1,
                              /**/ 1,
                              1,
                              1,
                              1,
                              1,
                              /* biases */ 0,
                              0,
                              1};
      const std::vector<float> before = w;
      const auto n = int64_t(w.size());
      std::vector<float> g(w.size(), 0.5f), m(w.size()), v(w.size()), a(w.size());
      std::vector<UpdateSegment> segments = {{0, 3 * row, lambda, true}, {3 * row, 3, 0.0f}};
      segments[0].row = row;
      segments[0].bias = 3 * row;
      segments[1].in_rows = true;
      const UpdateRule rule{.optimizer = optimizer, .penalty = Penalty::group_lasso};
      SegmentStats stats[2];
      for (int t = 1; t <= 3; ++t) {
        const UpdateScalars scalars = update_scalars(rule, 0.01f, t);
        cpu::l1_update(w.data(), g.data(), m.data(), v.data(), a.data(), segments.data(), 2, n,
                       rule, &scalars, stats, {});
      }
      for (size_t i = 0; i < w.size(); ++i) {
        const bool stays = before[i] == 0 && i != size_t(3 * row + 1);
        EXPECT_EQ(w[i] == before[i], stays) << i << ": " << w[i];
      }
      EXPECT_EQ(stats[0].zeros, 7);
      EXPECT_EQ(stats[1].zeros, 1);
    }
  }
}

}  // namespace
}  // namespace burin::test
