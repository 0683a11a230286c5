// The importance-weighted bound, and the estimates of its gradient, against their formulas in
// double.
#include <gtest/gtest.h>

#include <algorithm>

#include "models/vae.h"
#include "tests/models/vae_step.h"
#include "tests/support/model_case.h"

namespace burin::test {
namespace {

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
    const oracle::Draw draw{kVaeSeed, stream_of(RandomStream::importance), step * images + image};
    std::vector<double>& logs = terms.logs.emplace_back();
    for (size_t s = 0; s < k; ++s) {
      double log_weight = 0;
      std::vector<double> z;
      for (size_t d = 0; d < latent; ++d) {
        const size_t i = image * latent + d;
        const auto element = oracle::importance_element(int64_t(s), int64_t(d), kVaeLatent);
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
    Config config = tiny_vae();
    config.activation = "tanh";
    config.objective = "iwae";
    config.k = k;
    VaeStep step(config);
    const DoubleParameters &e_values = step.encoder_values, &d_values = step.decoder_values;
    const std::vector<double>& x = step.x;
    EXPECT_EQ(step.model->loss_names(), std::vector<std::string>{"iwae"});
    expect_close(step.model->take_losses()[0], weighted_bound(e_values, d_values, x, config, 2), 50,
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
  const oracle::Draw draw{kVaeSeed, stream_of(RandomStream::resample), step};
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
    Config config = tiny_vae();
    config.activation = "tanh";
    config.objective = "iwae";
    config.iwae_gradient = gradient;
    config.k = 5;
    config.k_backward = k_backward;
    config.l1_mean = 0.5;
    VaeStep step(config);
    const DoubleParameters &e_values = step.encoder_values, &d_values = step.decoder_values;
    const std::vector<double>& x = step.x;
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
        step.encoder(),
        [&](const DoubleParameters& v) {
          return counted(weight_terms(v, doubly ? e_values : v, d_values, x, config, 2), doubly);
        },
        kRoundings, 6);
    check_network_gradient(
        step.decoder(),
        [&](const DoubleParameters& v) {
          return counted(weight_terms(e_values, e_values, v, x, config, 2), false);
        },
        kRoundings, 6);
    // Reported is the bound of all samples, whichever the gradient comes from.
    config.l1_mean = 0;
    expect_close(step.model->take_losses()[0], weighted_bound(e_values, d_values, x, config, 2), 50,
                 0, "loss");
  }
}

}  // namespace
}  // namespace burin::test
