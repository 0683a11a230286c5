#include "kernels/importance/importance.h"

#include "kernels/random_fill/random_fill.h"
#include "kernels/reparameterize/reparameterize.h"
#include "tests/kernels/random_case.h"

namespace burin::test {
namespace {

class Importance : public TwinTest {};

constexpr int64_t kImages = 5, kSamples = 30;

// The numbers of random_normal and the sample of reparameterize, to the bit.
TEST_F(Importance, SampleIsThatOfTheSeparateRooms) {
  for (const int64_t latent : {3, 20, 50, 130}) {
    SCOPED_TRACE(latent);
    const int64_t padded = 4 * importance_blocks(latent), first = 11;
    const Buffer heads(random_values(kImages * 2 * latent, 0.5), 1);
    Buffer z(kImages * kSamples * latent, 3), log_ratio(kImages * kSamples);
    Key key;
    twin::importance_sample(heads.data(), kImages, kSamples, latent, first, key, 1, z.data(),
                            log_ratio.data(), {});
    for (int64_t image = 0; image < kImages; ++image) {
      Buffer normals((first + kSamples) * padded);
      const Key at_image(kSeed, kStream, kStep + uint64_t(image));
      twin::random_normal(normals.data(), normals.size(), 1.0f, at_image, {});
      for (int64_t s = 0; s < kSamples; ++s) {
        for (int64_t d = 0; d < latent; ++d) {
          const int64_t row = image * kSamples + s;
          const int64_t head = image * 2 * latent + d;
          const float normal = normals[(first + s) * padded + d];
          ASSERT_EQ(z[row * latent + d], reparameterize(heads[head], heads[head + latent], normal));
        }
      }
    }
  }
}

// Neither chunks of samples nor batches of images change a bit.
TEST_F(Importance, ChunksDoNotMatter) {
  const int64_t latent = 19;
  const Buffer heads(random_values(kImages * 2 * latent, 0.5));
  Buffer row_loss(random_values(kImages * kSamples, 30.0, 5));
  for (const float spread : {1.0f, 40.0f}) {  // the second: each weight far from its neighbours
    for (int64_t i = 0; i < row_loss.size(); ++i) row_loss[i] *= spread;
    Buffer z(kImages * kSamples * latent), log_ratio(kImages * kSamples);
    BufferOf<double> exponent(kImages), sum(kImages);
    twin::importance_sample(heads.data(), kImages, kSamples, latent, 0, Key(), 1, z.data(),
                            log_ratio.data(), {});
    twin::importance_sum(row_loss.data(), log_ratio.data(), kImages, kSamples, true,
                         exponent.data(), sum.data(), {});
    const double nan = std::numeric_limits<double>::quiet_NaN();
    for (const int64_t chunk : {1, 7, 10, 29}) {
      SCOPED_TRACE(chunk);
      for (int64_t image = 0; image < kImages; ++image) {
        const Key key(kSeed, kStream, kStep + uint64_t(image));
        BufferOf<double> here(std::vector{nan, nan});
        for (int64_t first = 0; first < kSamples; first += chunk) {
          const int64_t samples = std::min(chunk, kSamples - first), row = image * kSamples + first;
          Buffer part_z(samples * latent, 1), part_ratio(samples, 1);
          twin::importance_sample(heads.data() + image * 2 * latent, 1, samples, latent, first, key,
                                  1, part_z.data(), part_ratio.data(), {});
          for (int64_t i = 0; i < samples * latent; ++i) {
            ASSERT_EQ(part_z[i], z[row * latent + i]);
          }
          for (int64_t i = 0; i < samples; ++i) ASSERT_EQ(part_ratio[i], log_ratio[row + i]);
          double* state = here.data();
          twin::importance_sum(row_loss.data() + row, part_ratio.data(), 1, samples, first == 0,
                               state, state + 1, {});
        }
        EXPECT_EQ(here[0], exponent[image]);
        EXPECT_EQ(here[1], sum[image]);
      }
    }
  }
}

// Gradients stay within the range of normal numbers; the loss does not feel it.
TEST_F(Importance, TinySharesAreZero) {
  const Buffer ratio(std::vector{0.0f, -22.1f, -22.3f, -90.0f}), row_loss(std::vector(4, 7.0f));
  Buffer loss(1), weights(4);
  twin::importance_weights(row_loss.data(), ratio.data(), 1, 4, 0.5f, loss.data(), weights.data(),
                           {});
  EXPECT_FLOAT_EQ(loss[0], 7.0f + std::log(4.0f));
  EXPECT_EQ(weights[0], 0.5f);
  EXPECT_FLOAT_EQ(weights[1], 0.5f * std::exp(-22.1f));
  EXPECT_EQ(weights[2], 0.0f);
  EXPECT_EQ(weights[3], 0.0f);
}

TEST_F(Importance, WeightsThatAreZeroInfiniteOrNaN) {
  const float infinity = std::numeric_limits<float>::infinity();
  const struct {
    std::vector<float> log_ratio;
    double log_sum;
  } cases[] = {
      {{-infinity, -infinity}, -INFINITY},
      {{-infinity, -3.0f}, -3.0},
      {{-3.0f, -infinity}, -3.0},
      {{-3e38f, -1e5f}, -1e5},
      {{-2000.0f, -90.0f}, -90.0},
      {{-90.0f, -2000.0f}, -90.0},
      {{1e5f, 0.0f}, 1e5},
      {{infinity, 0.0f}, INFINITY},
      {{0.0f, NAN}, NAN},
      {{NAN, 0.0f}, NAN},
      {{5.0f, 5.0f}, 5.0 + std::log(2.0)},
  };
  for (const auto& [log_ratio, expected] : cases) {
    SCOPED_TRACE(testing::PrintToString(log_ratio));
    const Buffer ratio(log_ratio), row_loss(std::vector<float>{0.0f, 0.0f});
    BufferOf<double> exponent(1), sum(1);
    twin::importance_sum(row_loss.data(), ratio.data(), 1, 2, true, exponent.data(), sum.data(),
                         {});
    const double log_sum = std::log(sum[0]) + exponent[0] * std::log(2.0);
    if (std::isfinite(expected)) {
      EXPECT_NEAR(log_sum, expected, 1e-15 * std::abs(expected) + 1e-15);
    } else {
      expect_close(log_sum, expected, 0);
    }
  }
}

// x = W z + deviation * noise in three dimensions, of two latents: p(x) is a Gaussian, and so is
// the posterior. Estimated with the diagonal Gaussian N(mean, scale^2 * the posterior's variances).
struct LinearGaussian {
  double w[3][2];
  double deviation;
  double x[3];

  // M = I + W^T W / deviation^2, v = W^T x / deviation^2: the posterior is N(M^-1 v, M^-1).
  double m(int i, int j) const {
    double sum = i == j ? 1 : 0;
    for (const auto& row : w) sum += row[i] * row[j] / (deviation * deviation);
    return sum;
  }
  double v(int i) const {
    double sum = 0;
    for (int d = 0; d < 3; ++d) sum += w[d][i] * x[d] / (deviation * deviation);
    return sum;
  }
  double determinant() const { return m(0, 0) * m(1, 1) - m(0, 1) * m(1, 0); }
  double mean(int i) const { return (m(1 - i, 1 - i) * v(i) - m(0, 1) * v(1 - i)) / determinant(); }
  double variance(int i) const { return m(1 - i, 1 - i) / determinant(); }
  // log N(x; 0, W W^T + deviation^2 I), by Woodbury's identity.
  double log_likelihood() const {
    double sum = -0.5 * std::log(determinant()) + 0.5 * (v(0) * mean(0) + v(1) * mean(1));
    for (const double value : x) {
      sum += oracle::log_normal_density(value, 0, 2 * std::log(deviation));
    }
    return sum;
  }
  double log_given(float z0, float z1) const {
    double sum = 0;
    for (int d = 0; d < 3; ++d) {
      const double centre = w[d][0] * double(z0) + w[d][1] * double(z1);
      sum += oracle::log_normal_density(x[d], centre, 2 * std::log(deviation));
    }
    return sum;
  }
};

struct Estimate {
  double value, error;  // the error as the spread of the weights says
};
Estimate estimate(const LinearGaussian& model, double scale, int64_t samples) {
  Buffer heads(4), z(samples * 2), log_ratio(samples), row_loss(samples);
  for (int i = 0; i < 2; ++i) {
    heads[i] = float(model.mean(i));
    heads[2 + i] = float(std::log(scale * scale * model.variance(i)));
  }
  twin::importance_sample(heads.data(), 1, samples, 2, 0, Key(), 1, z.data(), log_ratio.data(), {});
  std::vector<double> weights;
  for (int64_t s = 0; s < samples; ++s) {
    row_loss[s] = float(-model.log_given(z[2 * s], z[2 * s + 1]));
    weights.push_back(double(log_ratio[s]) - double(row_loss[s]));
  }
  BufferOf<double> exponent(1), sum(1);
  twin::importance_sum(row_loss.data(), log_ratio.data(), 1, samples, true, exponent.data(),
                       sum.data(), {});
  const double value = std::log(sum[0]) + exponent[0] * std::log(2.0) - std::log(double(samples));
  double squares = 0;
  for (const double w : weights) squares += std::pow(std::exp(w - value) - 1, 2);
  return {value, std::sqrt(squares) / double(samples)};
}

// Columns of W at right angles: the posterior is diagonal, each weight is p(x), and one sample says
// it all. Rounded are heads and row_loss, terms of which are up to about 30.
TEST_F(Importance, IsExactWhereThePosteriorIs) {
  const LinearGaussian model = {{{0.8, 0.3}, {0.4, -0.6}, {0.0, 0.9}}, 0.5, {1.0, -0.7, 0.4}};
  ASSERT_NEAR(model.m(0, 1), 0, 1e-15);
  for (const int64_t samples : {1, 37}) {
    EXPECT_NEAR(estimate(model, 1.0, samples).value, model.log_likelihood(), 60 * kEpsilon);
  }
}

TEST_F(Importance, ComesToTheLikelihoodOfALinearGaussianModel) {
  const LinearGaussian model = {{{0.8, 0.7}, {0.4, -0.2}, {-0.3, 0.9}}, 0.5, {1.0, -0.7, 0.4}};
  const Estimate found = estimate(model, 1.3, 20000);
  EXPECT_LT(found.error, 0.02) << "the estimate says little";
  EXPECT_NEAR(found.value, model.log_likelihood(), 5 * found.error);
}

// Gradients of -log 1/samples sum of w of many images with the same heads: each an independent
// draw. d(-log p(x | z)) / dz = W^T (W z - x) / deviation^2.
struct HeadGradients {
  double mean[4] = {}, error[4] = {};
};
HeadGradients head_gradients(const LinearGaussian& model, ImportanceEstimator estimator,
                             double shift, double scale, int64_t images, int64_t samples) {
  const int64_t rows = images * samples;
  Buffer heads(images * 4), z(rows * 2), log_ratio(rows), row_loss(rows), weights(rows);
  Buffer d_z(rows * 2), loss(images), d_heads(images * 4);
  for (int64_t i = 0; i < images * 4; ++i) {
    const int k = int(i % 4);
    heads[i] = k < 2 ? float(model.mean(k) + shift)
                     : float(std::log(scale * scale * model.variance(k - 2)));
  }
  twin::importance_sample(heads.data(), images, samples, 2, 0, Key(), uint64_t(images), z.data(),
                          log_ratio.data(), {});
  for (int64_t r = 0; r < rows; ++r) row_loss[r] = float(-model.log_given(z[2 * r], z[2 * r + 1]));
  twin::importance_weights(row_loss.data(), log_ratio.data(), images, samples, 1.0f, loss.data(),
                           weights.data(), {});
  for (int64_t i = 0; i < rows * 2; ++i) {
    const int64_t r = i / 2, d = i % 2;
    double slope = -model.v(int(d));
    for (int e = 0; e < 2; ++e) {
      slope += (model.m(int(d), e) - (e == d ? 1 : 0)) * double(z[2 * r + e]);
    }
    d_z[i] = float(weights[r] * slope);
  }
  twin::importance_backward(estimator, heads.data(), z.data(), d_z.data(), weights.data(),
                            weights.data(), images, samples, 2, 1.0f, 0.0f, d_heads.data(), {});
  HeadGradients found;
  const double n = double(images);
  for (int64_t i = 0; i < images * 4; ++i) found.mean[i % 4] += double(d_heads[i]) / n;
  for (int64_t i = 0; i < images * 4; ++i) {
    found.error[i % 4] += std::pow(double(d_heads[i]) - found.mean[i % 4], 2) / n / n;
  }
  for (double& error : found.error) error = std::sqrt(error);
  return found;
}

// Tucker et al. 2019: two estimates of one gradient.
TEST_F(Importance, BothEstimatorsHaveTheSameMean) {
  const LinearGaussian model = {{{0.8, 0.7}, {0.4, -0.2}, {-0.3, 0.9}}, 0.5, {1.0, -0.7, 0.4}};
  const HeadGradients once =
      head_gradients(model, ImportanceEstimator::reparameterized, 0.2, 1.3, 40000, 3);
  const HeadGradients twice =
      head_gradients(model, ImportanceEstimator::doubly_reparameterized, 0.2, 1.3, 40000, 3);
  for (int k = 0; k < 4; ++k) {
    SCOPED_TRACE(k);
    EXPECT_GT(std::abs(once.mean[k]), 15 * once.error[k]) << "the mean says little";
    EXPECT_NEAR(once.mean[k], twice.mean[k], 5 * std::hypot(once.error[k], twice.error[k]));
  }
}

// At the posterior itself each weight is p(x), wherever z is: nothing to be learned, and nothing is
// said. The other estimate is zero in its mean alone.
TEST_F(Importance, DoublyReparameterizedIsZeroAtThePosterior) {
  const LinearGaussian model = {{{0.8, 0.3}, {0.4, -0.6}, {0.0, 0.9}}, 0.5, {1.0, -0.7, 0.4}};
  const HeadGradients once =
      head_gradients(model, ImportanceEstimator::reparameterized, 0.0, 1.0, 100, 5);
  const HeadGradients twice =
      head_gradients(model, ImportanceEstimator::doubly_reparameterized, 0.0, 1.0, 100, 5);
  for (int k = 0; k < 4; ++k) {
    EXPECT_NEAR(twice.mean[k], 0, 30 * kEpsilon);
    EXPECT_NEAR(twice.error[k], 0, 30 * kEpsilon);
    EXPECT_GT(once.error[k], 0.001);
  }
}

// The formula's own exponential against the library's.
TEST(ImportanceWeight, IsTheExponential) {
  double worst = 0;
  for (double w = -700; w < 700; w += 0.0137) {
    const ImportanceWeight weight = importance_weight(w);
    EXPECT_GT(weight.fraction, 0.7);
    EXPECT_LT(weight.fraction, 1.42);
    const long double exact = std::exp((long double)w - weight.exponent * std::log(2.0L));
    worst = std::max(worst, std::abs(double((weight.fraction - exact) / exact)));
  }
  EXPECT_LT(worst, 2 * 0x1p-53);
  EXPECT_EQ(importance_power(0), 1.0);
  EXPECT_EQ(importance_power(-1), 0.5);
  EXPECT_EQ(importance_power(-1022), 0x1p-1022);
  EXPECT_EQ(importance_power(-1023), 0.0);
  EXPECT_EQ(importance_power(2 * kNoExponent), 0.0);
}

}  // namespace
}  // namespace burin::test
