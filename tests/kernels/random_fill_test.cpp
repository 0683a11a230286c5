#include "kernels/random_fill/random_fill.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "kernels/common/parallel.h"
#include "tests/oracle.h"
#include "tests/support/kernel_case.h"

namespace burin::test {
namespace {

constexpr uint64_t kSeed = 0x5eed00000001u;
constexpr uint32_t kStream = 3;
const uint64_t kStep = (uint64_t{1} << 32) + 17;
const RandomKey kKey{kSeed, kStream, &kStep};
constexpr oracle::Draw kDraw{kSeed, kStream, (uint64_t{1} << 32) + 17};
constexpr int64_t kMany = 100352;

std::vector<float> uniforms(int64_t n, const RandomKey& key) {
  Buffer x(n);
  cpu::random_uniform(x.data(), n, 0.0f, 1.0f, key, {});
  return x.values();
}

std::vector<float> normals(int64_t n, const RandomKey& key) {
  Buffer x(n);
  cpu::random_normal(x.data(), n, 1.0f, key, {});
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

TEST(RandomFill, UniformIsTheOracle) {
  for (const int64_t n : kSizes) {
    Buffer unit(n), wide(n, 3);
    cpu::random_uniform(unit.data(), n, 0.0f, 1.0f, kKey, {});
    cpu::random_uniform(wide.data(), n, -0.3f, 0.7f, kKey, {});
    for (int64_t i = 0; i < n; ++i) {
      const double u = oracle::uniform(kDraw, i);
      ASSERT_EQ(unit[i], u) << i;
      expect_close(wide[i], -0.3 + u, 1, 1.0, "wide");  // three roundings below 1/2 ulp of 1
    }
  }
}

// log is good to 2 ulp, so the radius to 1.5; sincos_turn to 2e-7 absolute = 1.7 epsilon; one
// product.
TEST(RandomFill, NormalIsTheOracle) {
  for (const int64_t n : kSizes) {
    Buffer x(n), scaled(n, 2);
    cpu::random_normal(x.data(), n, 1.0f, kKey, {});
    cpu::random_normal(scaled.data(), n, 0.02f, kKey, {});
    for (int64_t i = 0; i < n; ++i) {
      const oracle::Normal expected = oracle::normal(kDraw, i);
      expect_close(x[i], expected.value, 4, expected.radius, "normal");
      EXPECT_EQ(scaled[i], 0.02f * x[i]);
    }
  }
}

TEST(RandomFill, NothingIsWrittenForNone) {
  Buffer x(1);
  cpu::random_normal(x.data(), 0, 1.0f, kKey, {});
  cpu::random_uniform(x.data(), 0, 0.0f, 1.0f, kKey, {});
  EXPECT_TRUE(std::isnan(x[0]));
}

TEST(RandomFill, APrefixAndItsWholeAgree) {
  const auto all = normals(kMany, kKey), all_uniform = uniforms(kMany, kKey);
  for (const int64_t n : {1, 2, 3, 4, 5, 255, 257, 16383, 16385, 32769}) {
    EXPECT_EQ(normals(n, kKey), std::vector<float>(all.begin(), all.begin() + n));
    EXPECT_EQ(uniforms(n, kKey), std::vector<float>(all_uniform.begin(), all_uniform.begin() + n));
  }
}

TEST(RandomFill, ThreadsDoNotMatter) {
  cpu::set_threads(1);
  const auto one = normals(kMany - 3, kKey), one_uniform = uniforms(kMany - 3, kKey);
  cpu::set_threads(3);
  const auto three = normals(kMany - 3, kKey), three_uniform = uniforms(kMany - 3, kKey);
  cpu::set_threads(1);
  EXPECT_EQ(one, three);
  EXPECT_EQ(one_uniform, three_uniform);
}

// Another seed, stream or step gives other, uncorrelated numbers.
TEST(RandomFill, EachPartOfTheKeyCounts) {
  const uint64_t next = kStep + 1, far = kStep + (uint64_t{1} << 32);
  const auto x = normals(kMany, kKey);
  for (const RandomKey& other :
       {RandomKey{kSeed + 1, kStream, &kStep},
        RandomKey{kSeed + (uint64_t{1} << 32), kStream, &kStep},
        RandomKey{kSeed, kStream + 1, &kStep}, RandomKey{kSeed, kStream, &next},
        RandomKey{kSeed, kStream, &far}, RandomKey{kSeed, kStream, nullptr}}) {
    const auto y = normals(kMany, other);
    int64_t same = 0;
    for (size_t i = 0; i < x.size(); ++i) same += x[i] == y[i];
    EXPECT_LT(same, 10);
    EXPECT_LT(std::abs(correlation(x, y, 0)), 4.0 / std::sqrt(double(kMany)));
  }
}

TEST(RandomFill, TheStepIsReadAtEachCall) {
  uint64_t step = 0;
  const RandomKey key{kSeed, kStream, &step};
  const auto at_zero = normals(9, key);
  step = 1;
  const auto at_one = normals(9, key);
  step = 0;
  EXPECT_NE(at_zero, at_one);
  EXPECT_EQ(at_zero, normals(9, key));
  EXPECT_EQ(at_zero, normals(9, {kSeed, kStream, nullptr}));
}

TEST(RandomFill, UniformIsUniform) {
  const auto x = uniforms(kMany, kKey);
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

TEST(RandomFill, NormalIsNormal) {
  const auto x = normals(kMany, kKey);
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

// Every radius that can be drawn: real, finite, falling with u1 but for the last bits.
TEST(RandomFill, EveryRadiusIsFinite) {
  float before = 6.0f;
  for (uint32_t k = 0; k < (1u << 24); ++k) {
    float first, second;
    normal_pair(k << 8, 0, &first, &second);  // angle 0: the radius itself
    ASSERT_TRUE(first >= 0.0f && first <= before + 1e-6f) << k;
    ASSERT_EQ(second, 0.0f);
    before = first;
  }
  EXPECT_EQ(before, 0.0f);  // u1 = 1
}

}  // namespace
}  // namespace burin::test
