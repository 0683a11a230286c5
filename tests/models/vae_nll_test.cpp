// The negative log-likelihood against its formula in double, and against an integral.
#include <gtest/gtest.h>

#include "kernels/common/parallel.h"
#include "models/vae.h"
#include "tests/support/model_case.h"

namespace burin::test {
namespace {

constexpr uint64_t kEvaluationSeed = 20080101;
constexpr int64_t kPixels = 784;

Config small(int64_t latent) {
  Config config;
  config.model = ModelKind::vae;
  config.seed = 6;
  config.batch = 20;
  config.latent = latent;
  config.encoder_hidden = {9, 7};
  config.decoder_hidden = {8, 11};
  return config;
}

class VaeNll : public testing::Test {
 protected:
  // A short training gives the encoder something to say.
  explicit VaeNll(int64_t latent = 5, int64_t images = 300)
      : test(small(latent), images), vae(static_cast<Vae&>(*test.model)), latents(size_t(latent)) {
    test.train(60);
    encoder = in_double(*test.network("encoder").parameters);
    decoder = in_double(*test.network("decoder").parameters);
  }

  std::vector<double> pixels(int64_t image) const {
    const oracle::Draw draw{kEvaluationSeed, stream_of(RandomStream::test_binarize),
                            uint64_t(image) / 250};
    std::vector<double> x;
    for (int64_t p = 0; p < kPixels; ++p) {
      const uint8_t byte = test.set.images[size_t(image * kPixels + p)];
      x.push_back(oracle::binarize(byte, draw, image % 250 * kPixels + p));
    }
    return x;
  }
  double log_decoder(const std::vector<double>& x, const std::vector<double>& z) const {
    const std::vector<double> logits = double_mlp(z, decoder, 0, 3, 'l', 'n');
    double sum = 0;
    for (size_t p = 0; p < x.size(); ++p) sum -= oracle::bce_logits(logits[p], x[p]);
    return sum;
  }
  struct Posterior {
    std::vector<double> mean, logvar;
  };
  Posterior posterior(const std::vector<double>& x) const {
    const std::vector<double> h = double_mlp(x, encoder, 0, 2, 'l', 'l');
    return {double_dense(h, encoder[4], encoder[6], 'n'),
            double_dense(h, encoder[5], encoder[7], 'n')};
  }
  // log w of each sample, from the densities.
  std::vector<double> log_weights(int64_t image, int64_t k) const {
    const std::vector<double> x = pixels(image);
    const Posterior q = posterior(x);
    const oracle::Draw draw{kEvaluationSeed, stream_of(RandomStream::test_importance),
                            uint64_t(image)};
    std::vector<double> all;
    for (int64_t sample = 0; sample < k; ++sample) {
      std::vector<double> z;
      double ratio = 0;
      for (size_t d = 0; d < latents; ++d) {
        const int64_t element = oracle::importance_element(sample, int64_t(d), int64_t(latents));
        z.push_back(
            oracle::reparameterize(q.mean[d], q.logvar[d], oracle::normal(draw, element).value));
        ratio += oracle::log_prior_ratio(z[d], q.mean[d], q.logvar[d]);
      }
      all.push_back(log_decoder(x, z) + ratio);
    }
    return all;
  }
  double brute_force(int64_t images, int64_t k) const {
    double sum = 0;
    for (int64_t i = 0; i < images; ++i) sum -= oracle::log_mean_exp(log_weights(i, k));
    return sum / double(images);
  }
  DeviceImages first(int64_t images) const { return DeviceImages(mnist(images), Device::cpu); }

  ModelCase test;
  Vae& vae;
  size_t latents;
  DoubleParameters encoder, decoder;
};

// Sums of 784 and fewer products in single precision, of which the rest is about the tenth part.
constexpr double kUlps = 50;

TEST_F(VaeNll, IsTheFormula) {
  for (const auto& [images, k] : {std::pair(3, 33), std::pair(40, 1), std::pair(1, 1)}) {
    expect_close(vae.nll(first(images), k), brute_force(images, k), kUlps, 0, "nll");
  }
  // Into the second batch of images.
  double expected = 0;
  for (int64_t i = 0; i < 253; ++i) expected -= log_weights(i, 1)[0] / 253.0;
  expect_close(vae.nll(first(253), 1), expected, kUlps, 0, "nll");
}

// One sample an image is an estimate of minus the bound: by another estimate of its divergence,
// with other noise. Its variance is measured, not guessed.
TEST_F(VaeNll, OneSampleIsTheBoundInTheMean) {
  const int64_t images = test.set.count;
  double sum = 0, squares = 0;
  for (int64_t i = 0; i < images; ++i) {
    const std::vector<double> w = log_weights(i, 2);
    sum += w[0] - w[1];
    squares += (w[0] - w[1]) * (w[0] - w[1]);
  }
  const double deviation = std::sqrt(squares / 2) / double(images);  // of a mean over the images
  const double nll = vae.nll(test.data, 1);
  EXPECT_NEAR(nll, -vae.elbo(test.data), 5 * std::sqrt(2.0) * deviation);
  EXPECT_LT(deviation, 0.01 * nll) << "the estimate says little";
}

TEST_F(VaeNll, FallsWithTheSamples) {
  const DeviceImages images = first(100);
  double before = vae.nll(images, 1);
  for (const int64_t k : {4, 16, 64, 256}) {
    const double now = vae.nll(images, k);
    EXPECT_LT(now, before) << k;
    before = now;
  }
}

// To the last bit of double, however the work is cut: rows of parts that leave one over, single
// rows, all at once; threads.
TEST_F(VaeNll, NeitherChunksNorThreadsMatter) {
  const DeviceImages images = first(11);
  const int64_t k = 70;
  const double expected = vae.nll(images, k);
  for (const int64_t rows : {1, 2, 23, 35, 69, 70, 141, 5000}) {
    EXPECT_EQ(vae.nll(images, k, {}, rows), expected) << rows;
  }
  for (const int threads : {2, 4}) {
    cpu::set_threads(threads);
    EXPECT_EQ(vae.nll(images, k), expected) << threads << " threads";
  }
  cpu::set_threads(1);
  // An image has the same samples in any set, and k samples are the first ones of more.
  const double three = vae.nll(first(3), 8), two = vae.nll(first(2), 8);
  expect_close(3 * three - 2 * two, -oracle::log_mean_exp(log_weights(2, 8)), 3 * kUlps, 0,
               "third");
}

// Each point of a curve has the bits of its own run, image by image.
TEST_F(VaeNll, CurveIsOfTheFirstSamples) {
  const DeviceImages images = first(253);
  const std::vector<int64_t> ks = {1, 2, 9};
  const auto curve = vae.nll_curve(images, ks, {}, 40);
  ASSERT_EQ(curve.size(), ks.size());
  for (size_t i = 0; i < ks.size(); ++i) {
    ASSERT_EQ(curve[i].size(), 253u);
    EXPECT_EQ(vae.nll_curve(images, {ks[i]})[0], curve[i]) << ks[i];
    double sum = 0;
    for (const double nll : curve[i]) sum += nll;
    EXPECT_EQ(vae.nll(images, ks[i]), sum / 253);
  }
  for (const int64_t image : {0, 252}) {
    expect_close(curve[2][size_t(image)], -oracle::log_mean_exp(log_weights(image, 9)), kUlps, 0,
                 "image");
  }
}

TEST_F(VaeNll, PosteriorsAreThoseOfTheEncoder) {
  const std::vector<float> heads = vae.posteriors(first(252));
  ASSERT_EQ(heads.size(), 252 * 2 * latents);
  for (const int64_t image : {0, 249, 251}) {
    const Posterior q = posterior(pixels(image));
    for (size_t d = 0; d < latents; ++d) {
      const size_t head = size_t(image) * 2 * latents + d;
      EXPECT_NEAR(heads[head], q.mean[d], 100 * kEpsilon * (1 + std::abs(q.mean[d])));
      EXPECT_NEAR(heads[head + latents], q.logvar[d], 100 * kEpsilon * (1 + std::abs(q.logvar[d])));
    }
  }
}

TEST_F(VaeNll, ProgressCountsUpToTheEnd) {
  std::vector<int64_t> seen;
  vae.nll(
      first(7), 10,
      [&](int64_t done, int64_t total) {
        EXPECT_EQ(total, 70);
        seen.push_back(done);
      },
      20);
  EXPECT_EQ(seen, (std::vector<int64_t>{20, 40, 60, 70}));
}

// Memory is that of the rows: neither samples nor images take more.
TEST_F(VaeNll, MemoryIsBounded) {
  vae.nll(first(250), 10);
  const size_t peak = test.model->peak_step_bytes();
  // More images than are encoded at once, their samples in two parts; and samples in many parts.
  vae.nll(first(251), vae.decoder_rows() + 1);
  EXPECT_LT(test.model->peak_step_bytes(), peak + peak / 10);
  vae.nll(first(2), 3 * vae.decoder_rows());
  EXPECT_LT(test.model->peak_step_bytes(), peak + peak / 10);
  // 784 pixels and what is small, of the samples and of the images that are encoded.
  EXPECT_LT(peak, size_t(std::max<int64_t>(vae.decoder_rows(), 250)) * 4 * 1000);
}

// On the meta device the same memory is asked for.
TEST_F(VaeNll, MemoryIsKnownBeforehand) {
  const DeviceImages host = first(30), nowhere(mnist(30), Device::meta);
  const Config config = small(5);
  const auto fresh = make_model(config, kPixels, 30, Device::cpu);
  const auto planned = make_model(config, kPixels, 30, Device::meta);
  static_cast<Vae&>(*fresh).nll(host, 90, {}, 700);
  static_cast<Vae&>(*planned).nll(nowhere, 90, {}, 700);
  EXPECT_EQ(planned->peak_step_bytes(), fresh->peak_step_bytes());
}

TEST_F(VaeNll, RefusesNoSamples) {
  EXPECT_THROW(vae.nll(test.data, 0), std::invalid_argument);
  EXPECT_THROW(vae.nll(test.data, int64_t{1} << 32), std::invalid_argument);
  EXPECT_THROW(vae.nll_curve(test.data, {}), std::invalid_argument);
  EXPECT_THROW(vae.nll_curve(test.data, {2, 2}), std::invalid_argument);
  EXPECT_THROW(vae.nll_curve(test.data, {2, 1}), std::invalid_argument);
}

// One latent: the integral of p(x | z) p(z) over z, by the midpoint rule.
class VaeNllOfOneLatent : public VaeNll {
 protected:
  VaeNllOfOneLatent() : VaeNll(1, 60) {}
};
TEST_F(VaeNllOfOneLatent, IsTheIntegral) {
  constexpr int64_t kImages = BURIN_SLOW_BUILD ? 2 : 6;
  constexpr int64_t kSamples = BURIN_SLOW_BUILD ? 5000 : 20000;
  double expected = 0, deviation = 0;
  for (int64_t image = 0; image < kImages; ++image) {
    const std::vector<double> x = pixels(image);
    const int steps = 2400;
    const double h = 16.0 / steps;
    std::vector<double> terms;
    for (int i = 0; i < steps; ++i) {
      const double z = -8.0 + (i + 0.5) * h;
      terms.push_back(log_decoder(x, {z}) + oracle::log_normal_density(z, 0, 0));
    }
    expected -= (oracle::log_mean_exp(terms) + std::log(16.0)) / double(kImages);
    // The estimate's own spread, from a part of its weights.
    const std::vector<double> w = log_weights(image, 400);
    const double mean = oracle::log_mean_exp(w);
    double variance = 0;
    for (const double v : w) variance += std::pow(std::exp(v - mean) - 1.0, 2) / 400.0;
    deviation += variance / double(kSamples) / double(kImages * kImages);
  }
  const double nll = vae.nll(first(kImages), kSamples);
  EXPECT_NEAR(nll, expected, 5 * std::sqrt(deviation) + kUlps * kEpsilon * expected);
  EXPECT_LT(std::sqrt(deviation), 0.05) << "the estimate says little";
}

}  // namespace
}  // namespace burin::test
