#include "evaluation/frechet.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cmath>
#include <cstdio>

#include "tests/evaluation/point_sets.h"
#include "tests/support/scratch.h"

namespace burin::test {
namespace {

// A Gaussian of covariance R diag(variances) R^T, R the product of plane rotations by `angle`.
Gaussian rotated(const std::vector<double>& mean, const std::vector<double>& variances,
                 double angle) {
  const size_t n = variances.size();
  std::vector<double> r(n * n);
  for (size_t i = 0; i < n; ++i) r[i * n + i] = 1;
  for (size_t p = 0; p + 1 < n; ++p) {
    for (size_t i = 0; i < n; ++i) {
      const double x = r[i * n + p], y = r[i * n + p + 1];
      r[i * n + p] = std::cos(angle) * x - std::sin(angle) * y;
      r[i * n + p + 1] = std::sin(angle) * x + std::cos(angle) * y;
    }
  }
  Gaussian gaussian{int64_t(n), mean, std::vector<double>(n * n)};
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < n; ++j) {
      for (size_t k = 0; k < n; ++k) {
        gaussian.covariance[i * n + j] += r[i * n + k] * variances[k] * r[j * n + k];
      }
    }
  }
  return gaussian;
}

// Covariances that commute: sum of (deviation_a - deviation_b)^2, in any rotation. One of them is
// singular.
TEST(Frechet, IsTheClosedFormOfCommutingCovariances) {
  const std::vector<double> a = {4, 1, 0.25, 9, 0}, b = {1, 1, 2.25, 0, 16};
  const std::vector<double> mean_a = {1, 2, 3, 4, 5}, mean_b = {1, 0, 3, 7, 5};
  const double expected = 4 + 9 + (1 + 0 + 1 + 9 + 16);
  for (const double angle : {0.0, 0.7, 2.0}) {
    const Gaussian first = rotated(mean_a, a, angle), second = rotated(mean_b, b, angle);
    // A zero eigenvalue comes out as one of about 1e-15: its root is what is seen.
    EXPECT_NEAR(frechet_distance(first, second), expected, 1e-6) << angle;
    EXPECT_NEAR(frechet_distance(second, first), expected, 1e-6) << angle;
    EXPECT_NEAR(frechet_distance(first, first), 0, 1e-6);
  }
}

// Two dimensions, covariances that do not commute: tr (S1 S2)^1/2 = sqrt(tr S1 S2 + 2 sqrt(det S1
// S2)) (Olkin & Pukelsheim 1982).
TEST(Frechet, IsTheClosedFormOfTwoDimensions) {
  const Gaussian a = rotated({0, 0}, {5, 0.5}, 0.3), b = rotated({0, 0}, {2, 1}, 1.4);
  double trace = 0;
  for (size_t i = 0; i < 2; ++i) {
    for (size_t j = 0; j < 2; ++j) trace += a.covariance[i * 2 + j] * b.covariance[j * 2 + i];
  }
  const double cross = std::sqrt(trace + 2 * std::sqrt(5 * 0.5 * 2 * 1));
  EXPECT_NEAR(frechet_distance(a, b), 5.5 + 3 - 2 * cross, 1e-12);
}

TEST(Frechet, MeanAndCovarianceOfPoints) {
  const Gaussian gaussian = gaussian_of(Points(2, {0, 0, 2, 0, 0, 4, 2, 4}));
  EXPECT_EQ(gaussian.mean, (std::vector<double>{1, 2}));
  EXPECT_EQ(gaussian.covariance, (std::vector<double>{4.0 / 3, 0, 0, 16.0 / 3}));
}

TEST(Frechet, RefusesAsManyPointsAsDimensions) {
  EXPECT_EQ(frechet_least(128), 129);
  EXPECT_NO_THROW(gaussian_of(random_points(5, 4, 1)));
  try {
    gaussian_of(random_points(4, 4, 1));
    FAIL() << "was not refused";
  } catch (const std::invalid_argument& error) {
    EXPECT_NE(std::string(error.what()).find("at least 5"), std::string::npos) << error.what();
  }
  EXPECT_THROW(
      frechet_distance(gaussian_of(random_points(9, 4, 1)), gaussian_of(random_points(9, 3, 1))),
      std::invalid_argument);
}

// What a command prints; `code` is its exit code.
std::string output_of(const std::string& command, int& code) {
  FILE* pipe = popen(command.c_str(), "r");
  std::string text;
  char buffer[256];
  while (pipe != nullptr && std::fgets(buffer, sizeof buffer, pipe) != nullptr) text += buffer;
  const int status = pipe == nullptr ? -1 : pclose(pipe);
  code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return text;
}

TEST(Frechet, IsThatOfScipy) {
  const Scratch scratch;
  const auto write = [&](const char* name, const Points& points) {
    return scratch.write(name, {reinterpret_cast<const char*>(points.values.data()),
                                points.values.size() * sizeof(float)});
  };
  Points a = random_points(400, 60, 1, 0.5), b = random_points(300, 60, 2, 0, 2);
  for (int64_t i = 0; i < a.count; ++i) {  // some correlation
    for (int64_t j = 1; j < 60; ++j)
      a.values[size_t(i * 60 + j)] += a.values[size_t(i * 60 + j - 1)];
  }
  const std::string arguments =
      std::string(BURIN_SOURCE_DIR "/tests/evaluation/frechet_scipy.py ") + write("a", a) + " " +
      write("b", b) + " 60";
  // Debian's own Python has Debian's packages; the first on PATH may be another.
  for (const char* python : {"python3 ", "/usr/bin/python3 "}) {
    int code = 0;
    const std::string text = output_of(python + arguments + " 2>/dev/null", code);
    if (code == 77 || code == 127) continue;
    ASSERT_EQ(code, 0) << text;
    const double expected = std::stod(text);
    EXPECT_NEAR(frechet_distance(gaussian_of(a), gaussian_of(b)), expected, 1e-8 * expected);
    return;
  }
  GTEST_SKIP() << "no Python with numpy and scipy (Debian: python3-scipy)";
}

}  // namespace
}  // namespace burin::test
