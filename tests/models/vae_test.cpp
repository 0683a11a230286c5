// The VAE's step and its bound against their formulas in double, and a short training.
#include "models/vae.h"

#include <gtest/gtest.h>

#include "tests/models/vae_step.h"
#include "tests/support/model_case.h"

namespace burin::test {
namespace {

struct Bound {
  double reconstruction = 0, kl = 0, l1_mean = 0, l1_logits = 0;  // sums over images
};

// Encoder: two hidden layers; weights of mean and logvar, then their biases. Decoder: two hidden
// layers and the logits.
Bound bound(const DoubleParameters& encoder, const DoubleParameters& decoder,
            const std::vector<double>& x, char hidden, const oracle::Draw& latent) {
  Bound sum;
  const std::vector<double> h = double_mlp(x, encoder, 0, 2, hidden, hidden);
  const std::vector<double> mean = double_dense(h, encoder[4], encoder[6], 'n');
  const std::vector<double> log_variance = double_dense(h, encoder[5], encoder[7], 'n');
  std::vector<double> z;
  for (size_t i = 0; i < mean.size(); ++i) {
    const double noise = oracle::normal(latent, int64_t(i)).value;
    z.push_back(oracle::reparameterize(mean[i], log_variance[i], noise));
    sum.kl += oracle::gaussian_kl(mean[i], log_variance[i]);
    sum.l1_mean += std::abs(mean[i]);
  }
  const std::vector<double> logits = double_mlp(z, decoder, 0, 3, hidden, 'n');
  for (size_t i = 0; i < logits.size(); ++i) {
    sum.reconstruction += oracle::bce_logits(logits[i], x[i]);
    sum.l1_logits += std::abs(logits[i]);
  }
  return sum;
}

TEST(Vae, GradientOfTheWholeLossIsTheFormulas) {
  for (const bool extras : {false, true}) {
    Config config = tiny_vae();
    if (extras) {
      config.pixels = "grey";
      config.activation = "tanh";
      config.l1_mean = 0.5;
      config.l1_reconstruction = 0.01;
      config.beta = 0.6;
      config.beta_warmup = 1;  // 6 steps: 0.2 at step 2
    }
    const char hidden = extras ? 't' : 'l';
    VaeStep step(config);
    const DoubleParameters &e_values = step.encoder_values, &d_values = step.decoder_values;
    const std::vector<double>& x = step.x;
    const oracle::Draw draw{kVaeSeed, stream_of(RandomStream::reparameterize), 2};
    const double images = double(config.batch);
    const auto loss = [&](const DoubleParameters& encoder, const DoubleParameters& decoder) {
      const Bound b = bound(encoder, decoder, x, hidden, draw);
      return (b.reconstruction + (extras ? 0.2 : 1.0) * b.kl + config.l1_mean * b.l1_mean +
              config.l1_reconstruction * b.l1_logits) /
             images;
    };
    constexpr double kRoundings = 800;  // the longest chain: 784 pixels
    check_network_gradient(
        step.encoder(), [&](const DoubleParameters& v) { return loss(v, d_values); }, kRoundings);
    check_network_gradient(
        step.decoder(), [&](const DoubleParameters& v) { return loss(e_values, v); }, kRoundings);
    const Bound b = bound(e_values, d_values, x, hidden, draw);
    const std::vector<double> losses = step.model->take_losses();
    expect_close(losses[0], b.reconstruction / images, 50, 0, "reconstruction");
    expect_close(losses[1], b.kl / images, 50, 1.0, "kl");
  }
}

// The model's own loss, in single precision: the same step gives the same random numbers, so that
// the loss is a function of the weights.
TEST(Vae, GradientIsTheDifferenceOfTheModelsOwnLoss) {
  Config config = tiny_vae();
  config.activation = "tanh";
  ModelCase test(config, 40);
  const auto loss = [&] {
    test.model->set_step(4);
    test.train(1);
    const std::vector<double> losses = test.model->take_losses();
    return losses[0] + losses[1];
  };
  const double value = loss();
  EXPECT_EQ(loss(), value);
  const double h = std::cbrt(kEpsilon);
  for (const char* name : {"encoder", "decoder"}) {
    const Parameters& parameters = *test.network(name).parameters;
    for (int i = 0; i < parameters.count(); ++i) {
      loss();  // gradients at the unchanged weights
      const std::vector<float> gradient = parameters.gradient(i).to_host();
      size_t j = 0;  // of the largest
      for (size_t k = 1; k < gradient.size(); ++k) {
        if (std::abs(gradient[k]) > std::abs(gradient[j])) j = k;
      }
      float& w = parameters.value(i).data()[j];
      const auto difference = [&](double step) {
        const float before = w;
        w = before + static_cast<float>(step);
        const double above = loss(), right = double{w};
        w = before - static_cast<float>(step);
        const double below = loss(), left = double{w};
        w = before;
        return (above - below) / (right - left);
      };
      // Two roundings of the loss over 2h, h^2 being epsilon / h; and the error of the step, which
      // is a third of the change that twice the step makes.
      const double slope = difference(h);
      const double tolerance = h * h * 2.0 * value + std::abs(difference(2 * h) - slope);
      EXPECT_NEAR(double{gradient[j]}, slope, tolerance) << name << " " << parameters.info(i).name;
      EXPECT_GT(std::abs(gradient[j]), 4 * tolerance) << "nothing was tested";
    }
  }
}

// Two evaluation batches, the second one in part. The seed is part of the protocol.
TEST(Vae, ElboIsTheFormula) {
  const Config config = tiny_vae();
  ModelCase test(config, 300);
  const DoubleParameters encoder = in_double(*test.network("encoder").parameters);
  const DoubleParameters decoder = in_double(*test.network("decoder").parameters);
  constexpr uint64_t kEvaluationSeed = 20080101;
  double expected = 0;
  for (const auto& [first, count, number] :
       {std::tuple(0, 250, uint64_t{0}), std::tuple(250, 50, uint64_t{1})}) {
    std::vector<double> x;
    const oracle::Draw pixels{kEvaluationSeed, stream_of(RandomStream::test_binarize), number};
    for (int64_t i = 0; i < int64_t(count) * 784; ++i) {
      x.push_back(oracle::binarize(test.set.images[size_t(first * 784 + i)], pixels, i));
    }
    const Bound b = bound(encoder, decoder, x, 'l',
                          {kEvaluationSeed, stream_of(RandomStream::test_reparameterize), number});
    expected -= (b.reconstruction + b.kl) / 300.0;
  }
  expect_close(static_cast<Vae&>(*test.model).elbo(test.data), expected, 50, 0, "elbo");
}

TEST(Vae, PicturesAreTheDecodersProbabilities) {
  ModelCase test(tiny_vae(), 40);
  const DoubleParameters encoder = in_double(*test.network("encoder").parameters);
  const DoubleParameters decoder = in_double(*test.network("decoder").parameters);
  const std::vector<float> z = test.model->latent_noise(260, 3);
  const std::vector<float> pictures = test.model->generate(z);
  const auto expected = double_mlp({z.begin(), z.end()}, decoder, 0, 3, 'l', 's');
  ASSERT_EQ(pictures.size(), expected.size());
  for (size_t i = 0; i < expected.size(); i += 7) ASSERT_NEAR(pictures[i], expected[i], 1e-5);

  std::vector<float> x;
  for (size_t i = 0; i < 3 * 784; ++i) x.push_back(float(test.set.images[i]) / 255.0f);
  const std::vector<float> again = static_cast<Vae&>(*test.model).reconstruct(x);
  const auto h = double_mlp({x.begin(), x.end()}, encoder, 0, 2, 'l', 'l');
  const auto mean = double_dense(h, encoder[4], encoder[6], 'n');
  const auto reconstruction = double_mlp(mean, decoder, 0, 3, 'l', 's');
  ASSERT_EQ(again.size(), reconstruction.size());
  for (size_t i = 0; i < again.size(); i += 5) ASSERT_NEAR(again[i], reconstruction[i], 1e-5);
}

TEST(Vae, OutputBiasIsTheMeanImagesLogOdds) {
  for (const char* kind : {"data", "zero"}) {
    Config config = tiny_vae();
    config.output_bias = kind;
    ModelCase test(config, 40);
    const Parameters& decoder = *test.network("decoder").parameters;
    const std::vector<float> bias = decoder.value(decoder.count() - 1).to_host();
    for (size_t p = 0; p < 784; ++p) {
      double mean = 0;
      for (size_t i = 0; i < 40; ++i) mean += test.set.images[i * 784 + p] / (255.0 * 40.0);
      mean = std::clamp(mean, 0.001, 0.999);
      const double expected = config.output_bias == "data" ? std::log(mean / (1.0 - mean)) : 0.0;
      EXPECT_NEAR(double{bias[p]}, expected, 1e-6 * std::abs(expected));
    }
  }
}

// From the mean image and noise from the latents (-253 nats) to a model that uses them (-137), on
// images that it was not trained on.
TEST(Vae, AShortTrainingImprovesTheBound) {
  Config config = tiny_vae();
  config.optimizer = "adam";
  config.lr = 2e-3;
  config.batch = 50;
  config.latent = 10;
  config.encoder_hidden = config.decoder_hidden = {BURIN_SLOW_BUILD ? 40 : 100};
  ModelCase test(config, 5000);
  ImageSet held_out = mnist(5500);
  held_out.images.erase(held_out.images.begin(), held_out.images.begin() + 5000 * 784);
  held_out.labels.erase(held_out.labels.begin(), held_out.labels.begin() + 5000);
  held_out.count = 500;
  const DeviceImages images(held_out, Device::cpu);
  Vae& vae = static_cast<Vae&>(*test.model);
  const double before = vae.elbo(images);
  test.train(BURIN_SLOW_BUILD ? 100 : 400);
  const double after = vae.elbo(images);
  RecordProperty("elbo", std::to_string(before) + " to " + std::to_string(after));
  EXPECT_GT(after, before + (BURIN_SLOW_BUILD ? 30.0 : 90.0)) << "from " << before;
  EXPECT_LT(after, -60.0);  // better than the best that is known would be a wrong sum
}

}  // namespace
}  // namespace burin::test
