#include "kernels/random_fill/random_fill.h"

#include <algorithm>

#include "tests/kernels/random_case.h"

namespace burin::test {
namespace {

class RandomFill : public TwinTest {};

constexpr int64_t kMany = 100352;

std::vector<float> uniforms(int64_t n, const RandomKey& key) {
  Buffer x(n);
  twin::random_uniform(x.data(), n, 0.0f, 1.0f, key, {});
  return x.values();
}

std::vector<float> normals(int64_t n, const RandomKey& key) {
  Buffer x(n);
  twin::random_normal(x.data(), n, 1.0f, key, {});
  return x.values();
}

// The largest distance between the empirical distribution and `cumulative`, times sqrt(n)
// (Kolmogorov and Smirnov): above 1.95 once in a thousand draws.
double kolmogorov(std::vector<float> x, double (*cumulative)(double)) {
  std::sort(x.begin(), x.end());
  const double n = double(x.size());
  double distance = 0.0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double c = cumulative(x[i]);
    distance = std::max({distance, double(i + 1) / n - c, c - double(i) / n});
  }
  return distance * std::sqrt(n);
}

double correlation(const std::vector<float>& x, const std::vector<float>& y, size_t lag) {
  double sum = 0.0;
  for (size_t i = 0; i + lag < x.size(); ++i) sum += double(x[i]) * y[i + lag];
  return sum / double(x.size() - lag);
}

TEST_F(RandomFill, NothingIsWrittenForNone) {
  Buffer x(1);
  twin::random_normal(x.data(), 0, 1.0f, Key(), {});
  twin::random_uniform(x.data(), 0, 0.0f, 1.0f, Key(), {});
  EXPECT_TRUE(std::isnan(x[0]));
}

TEST_F(RandomFill, APrefixAndItsWholeAgree) {
  const auto all = normals(kMany, Key()), all_uniform = uniforms(kMany, Key());
  for (const int64_t n : {1, 2, 3, 4, 5, 255, 257, 16383, 16385, 32769}) {
    EXPECT_EQ(normals(n, Key()), std::vector<float>(all.begin(), all.begin() + n));
    EXPECT_EQ(uniforms(n, Key()), std::vector<float>(all_uniform.begin(), all_uniform.begin() + n));
  }
}

// Another seed, stream or step gives other, uncorrelated numbers.
TEST_F(RandomFill, EachPartOfTheKeyCounts) {
  const auto x = normals(kMany, Key());
  for (const oracle::Draw& other :
       {oracle::Draw{kSeed + 1, kStream, kStep},
        oracle::Draw{kSeed + (uint64_t{1} << 32), kStream, kStep},
        oracle::Draw{kSeed, kStream + 1, kStep}, oracle::Draw{kSeed, kStream, kStep + 1},
        oracle::Draw{kSeed, kStream, kStep + (uint64_t{1} << 32)},
        oracle::Draw{kSeed, kStream, 0}}) {
    const auto y = normals(kMany, Key(other.seed, other.stream, other.step));
    int64_t same = 0;
    for (size_t i = 0; i < x.size(); ++i) same += x[i] == y[i];
    EXPECT_LT(same, 10);
    EXPECT_LT(std::abs(correlation(x, y, 0)), 4.0 / std::sqrt(double(kMany)));
  }
}

TEST_F(RandomFill, TheStepIsReadAtEachCall) {
  Key key(kSeed, kStream, 0);
  const auto at_zero = normals(9, key);
  key.set_step(1);
  const auto at_one = normals(9, key);
  key.set_step(0);
  EXPECT_NE(at_zero, at_one);
  EXPECT_EQ(at_zero, normals(9, key));
  EXPECT_EQ(at_zero, normals(9, {kSeed, kStream, nullptr}));
}

TEST_F(RandomFill, UniformIsUniform) {
  const auto x = uniforms(kMany, Key());
  EXPECT_LT(kolmogorov(x, [](double v) { return v; }), 1.95);
  std::vector<double> bins(256);
  for (const float v : x) {
    ASSERT_GE(v, 0.0f);
    ASSERT_LT(v, 1.0f);
    bins[size_t(v * 256.0f)] += 1.0;
  }
  double chi_square = 0.0;
  const double expected = double(kMany) / 256.0;
  for (const double count : bins) chi_square += (count - expected) * (count - expected) / expected;
  EXPECT_LT(chi_square, 330.5);  // 255 degrees of freedom, once in a thousand
  EXPECT_GT(chi_square, 190.0);  // too even is not random either
}

TEST_F(RandomFill, NormalIsNormal) {
  const auto x = normals(kMany, Key());
  EXPECT_LT(kolmogorov(x, [](double v) { return 0.5 * std::erfc(-v / std::sqrt(2.0)); }), 1.95);
  double moment[5] = {};
  for (const double v : x) {
    for (int k = 1; k <= 4; ++k) moment[k] += std::pow(v, k) / double(kMany);
  }
  // Four deviations of each mean: the variances of x, x^2, x^3, x^4 are 1, 2, 15, 96.
  const double unit = 4.0 / std::sqrt(double(kMany));
  EXPECT_NEAR(moment[1], 0.0, unit);
  EXPECT_NEAR(moment[2], 1.0, unit * std::sqrt(2.0));
  EXPECT_NEAR(moment[3], 0.0, unit * std::sqrt(15.0));
  EXPECT_NEAR(moment[4], 3.0, unit * std::sqrt(96.0));
  for (size_t lag = 1; lag <= 8; ++lag) EXPECT_LT(std::abs(correlation(x, x, lag)), unit) << lag;
}

}  // namespace
}  // namespace burin::test
