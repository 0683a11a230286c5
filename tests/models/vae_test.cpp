// The VAE's step and its bound against their formulas in double, and a short training.
#include "models/vae.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "kernels/gather/gather.h"
#include "tests/support/model_case.h"

namespace burin::test {
namespace {

constexpr int64_t kLatent = 3;
constexpr uint64_t kSeed = 6;
constexpr double kStandstill = 1e-60;  // a learning rate that is zero in single precision

Config tiny() {
  Config config;
  config.model = ModelKind::vae;
  config.seed = kSeed;
  config.batch = 6;
  config.latent = kLatent;
  config.encoder_hidden = {5, 4};
  config.decoder_hidden = {4, 5};
  config.optimizer = "sgd";
  config.lr = kStandstill;
  return config;
}

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

// The batch of `step`.
std::vector<double> batch_of(const ImageSet& set, const Config& config, uint64_t step) {
  std::vector<int32_t> indices(size_t(config.batch));
  cpu::batch_indices(set.count, config.batch, {kSeed, stream_of(RandomStream::batch_order), &step},
                     indices.data(), {});
  std::vector<double> x;
  for (const int32_t index : indices) {
    for (int64_t p = 0; p < set.pixels(); ++p) {
      const uint8_t byte = set.images[size_t(index * set.pixels() + p)];
      const oracle::Draw draw{kSeed, stream_of(RandomStream::binarize), step};
      x.push_back(config.pixels == "grey" ? byte / 255.0
                                          : oracle::binarize(byte, draw, int64_t(x.size())));
    }
  }
  return x;
}

TEST(Vae, GradientOfTheWholeLossIsTheFormulas) {
  for (const bool extras : {false, true}) {
    Config config = tiny();
    if (extras) {
      config.pixels = "grey";
      config.activation = "tanh";
      config.l1_mean = 0.5;
      config.l1_reconstruction = 0.01;
      config.beta = 0.6;
      config.beta_warmup = 1;  // 6 steps: 0.2 at step 2
    }
    const char hidden = extras ? 't' : 'l';
    ModelCase test(config, 40);
    test.train(2);
    test.model->take_losses();
    test.train(1);  // step 2
    const Parameters& e = *test.network("encoder").parameters;
    const Parameters& d = *test.network("decoder").parameters;
    const DoubleParameters e_values = in_double(e), d_values = in_double(d);
    const std::vector<double> x = batch_of(test.set, config, 2);
    const oracle::Draw draw{kSeed, stream_of(RandomStream::reparameterize), 2};
    const double images = double(config.batch);
    const auto loss = [&](const DoubleParameters& encoder, const DoubleParameters& decoder) {
      const Bound b = bound(encoder, decoder, x, hidden, draw);
      return (b.reconstruction + (extras ? 0.2 : 1.0) * b.kl + config.l1_mean * b.l1_mean +
              config.l1_reconstruction * b.l1_logits) /
             images;
    };
    constexpr double kRoundings = 800;  // the longest chain: 784 pixels
    check_network_gradient(
        e, [&](const DoubleParameters& v) { return loss(v, d_values); }, kRoundings);
    check_network_gradient(
        d, [&](const DoubleParameters& v) { return loss(e_values, v); }, kRoundings);
    const Bound b = bound(e_values, d_values, x, hidden, draw);
    const std::vector<double> losses = test.model->take_losses();
    expect_close(losses[0], b.reconstruction / images, 50, 0, "reconstruction");
    expect_close(losses[1], b.kl / images, 50, 1.0, "kl");
  }
}

// log w of each image's samples, from densities; and the penalties, a sum over images. `density`:
// the encoder that says log q, where it is not the one that draws.
struct WeightTerms {
  std::vector<std::vector<double>> logs;
  double penalties = 0;
};
WeightTerms weight_terms(const DoubleParameters& encoder, const DoubleParameters& density,
                         const DoubleParameters& decoder, const std::vector<double>& x,
                         const Config& config, uint64_t step) {
  const auto images = size_t(config.batch), latent = size_t(config.latent), k = size_t(config.k);
  const auto heads = [&x](const DoubleParameters& of) {
    const std::vector<double> h = double_mlp(x, of, 0, 2, 't', 't');
    return std::pair(double_dense(h, of[4], of[6], 'n'), double_dense(h, of[5], of[7], 'n'));
  };
  const auto [mean, log_variance] = heads(encoder);
  const auto [density_mean, density_log_variance] = heads(density);
  WeightTerms terms;
  for (size_t image = 0; image < images; ++image) {
    const oracle::Draw draw{kSeed, stream_of(RandomStream::importance), step * images + image};
    std::vector<double>& logs = terms.logs.emplace_back();
    for (size_t s = 0; s < k; ++s) {
      double log_weight = 0;
      std::vector<double> z;
      for (size_t d = 0; d < latent; ++d) {
        const size_t i = image * latent + d;
        const auto element = oracle::importance_element(int64_t(s), int64_t(d), kLatent);
        z.push_back(
            oracle::reparameterize(mean[i], log_variance[i], oracle::normal(draw, element).value));
        log_weight += oracle::log_prior_ratio(z.back(), density_mean[i], density_log_variance[i]);
        terms.penalties += s == 0 ? config.l1_mean * std::abs(mean[i]) : 0;
      }
      const std::vector<double> logits = double_mlp(z, decoder, 0, 3, 't', 'n');
      for (size_t p = 0; p < logits.size(); ++p) {
        log_weight -= oracle::bce_logits(logits[p], x[image * 784 + p]);
        terms.penalties += config.l1_reconstruction * std::abs(logits[p]) / double(k);
      }
      logs.push_back(log_weight);
    }
  }
  return terms;
}

// Minus the mean over images of log 1/k sum of w; and the penalties.
double weighted_bound(const DoubleParameters& encoder, const DoubleParameters& decoder,
                      const std::vector<double>& x, const Config& config, uint64_t step) {
  const WeightTerms terms = weight_terms(encoder, encoder, decoder, x, config, step);
  double total = terms.penalties;
  for (const std::vector<double>& logs : terms.logs) total -= oracle::log_mean_exp(logs);
  return total / double(config.batch);
}

TEST(Vae, GradientOfTheImportanceWeightedBoundIsTheFormulas) {
  for (const int64_t k : {1, 5}) {
    Config config = tiny();
    config.activation = "tanh";
    config.objective = "iwae";
    config.k = k;
    ModelCase test(config, 40);
    test.train(2);
    test.model->take_losses();
    test.train(1);  // step 2
    const Parameters& e = *test.network("encoder").parameters;
    const Parameters& d = *test.network("decoder").parameters;
    const DoubleParameters e_values = in_double(e), d_values = in_double(d);
    const std::vector<double> x = batch_of(test.set, config, 2);
    EXPECT_EQ(test.model->loss_names(), std::vector<std::string>{"iwae"});
    expect_close(test.model->take_losses()[0], weighted_bound(e_values, d_values, x, config, 2), 50,
                 0, "loss");

    config.l1_mean = 0.5;
    config.l1_reconstruction = 0.01;
    ModelCase penalised(config, 40);
    penalised.train(3);
    const auto loss = [&](const DoubleParameters& encoder, const DoubleParameters& decoder) {
      return weighted_bound(encoder, decoder, x, config, 2);
    };
    constexpr double kRoundings = 800;
    check_network_gradient(
        *penalised.network("encoder").parameters,
        [&](const DoubleParameters& v) { return loss(v, d_values); }, kRoundings, 6);
    check_network_gradient(
        *penalised.network("decoder").parameters,
        [&](const DoubleParameters& v) { return loss(e_values, v); }, kRoundings, 6);
  }
}

// What each sample counts for in the gradient, shares of the weights, or how often it is drawn by
// them; held while weights move.
struct Counts {
  std::vector<std::vector<double>> shares, weights;
};
Counts counts_of(const WeightTerms& terms, const Config& config, uint64_t step) {
  Counts counts;
  const oracle::Draw draw{kSeed, stream_of(RandomStream::resample), step};
  for (size_t image = 0; image < terms.logs.size(); ++image) {
    const double bound = oracle::log_mean_exp(terms.logs[image]);
    std::vector<double> shares, ends;
    for (const double log_weight : terms.logs[image]) {
      shares.push_back(std::exp(log_weight - bound) / double(config.k));
      ends.push_back((ends.empty() ? 0 : ends.back()) + shares.back());
    }
    std::vector<double> weights(shares.size(), 0.0);
    for (int64_t j = 0; j < config.k_backward; ++j) {
      const double draws = double(config.k_backward);
      const double position = (oracle::uniform(draw, int64_t(image)) + double(j)) / draws;
      weights[size_t(std::upper_bound(ends.begin(), ends.end(), position) - ends.begin())] +=
          1 / draws;
    }
    counts.weights.push_back(config.k_backward == 0 ? shares : weights);
    counts.shares.push_back(shares);
  }
  return counts;
}

// The encoder's, doubly reparameterized (Tucker et al. 2019), is that of the log w that
// count, each times its share, with log q's own mean and log-variance held.
TEST(Vae, EstimatesOfTheImportanceWeightedGradientAreTheFormulas) {
  for (const auto& [gradient, k_backward] :
       {std::pair("dreg", 0), std::pair("iwae", 2), std::pair("dreg", 2)}) {
    SCOPED_TRACE(gradient + std::to_string(k_backward));
    Config config = tiny();
    config.activation = "tanh";
    config.objective = "iwae";
    config.iwae_gradient = gradient;
    config.k = 5;
    config.k_backward = k_backward;
    config.l1_mean = 0.5;
    ModelCase test(config, 40);
    test.train(2);
    test.model->take_losses();
    test.train(1);  // step 2
    const Parameters& e = *test.network("encoder").parameters;
    const Parameters& d = *test.network("decoder").parameters;
    const DoubleParameters e_values = in_double(e), d_values = in_double(d);
    const std::vector<double> x = batch_of(test.set, config, 2);
    const WeightTerms here = weight_terms(e_values, e_values, d_values, x, config, 2);
    const Counts counts = counts_of(here, config, 2);
    const bool doubly = config.iwae_gradient == "dreg";
    const auto counted = [&](const WeightTerms& terms, bool squared) {
      double total = terms.penalties;
      for (size_t image = 0; image < terms.logs.size(); ++image) {
        for (size_t s = 0; s < terms.logs[image].size(); ++s) {
          const double share = squared ? counts.shares[image][s] : 1;
          total -= counts.weights[image][s] * share * terms.logs[image][s];
        }
      }
      return total / double(config.batch);
    };
    constexpr double kRoundings = 800;
    check_network_gradient(
        e,
        [&](const DoubleParameters& v) {
          return counted(weight_terms(v, doubly ? e_values : v, d_values, x, config, 2), doubly);
        },
        kRoundings, 6);
    check_network_gradient(
        d,
        [&](const DoubleParameters& v) {
          return counted(weight_terms(e_values, e_values, v, x, config, 2), false);
        },
        kRoundings, 6);
    // Reported is the bound of all samples, whichever the gradient comes from.
    config.l1_mean = 0;
    expect_close(test.model->take_losses()[0], weighted_bound(e_values, d_values, x, config, 2), 50,
                 0, "loss");
  }
}

// The model's own loss, in single precision: the same step gives the same random numbers, so that
// the loss is a function of the weights.
TEST(Vae, GradientIsTheDifferenceOfTheModelsOwnLoss) {
  Config config = tiny();
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
  const Config config = tiny();
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
  ModelCase test(tiny(), 40);
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
    Config config = tiny();
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
  Config config = tiny();
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
