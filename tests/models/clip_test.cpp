// Gradients that are shortened: by how much, of which networks together, and when not.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/model_case.h"

namespace burin::test {
namespace {

Config small(ModelKind kind) {
  Config config;
  config.model = kind;
  config.batch = 8;
  config.latent = 5;
  config.encoder_hidden = config.decoder_hidden = {12};
  config.generator_hidden = config.discriminator_hidden = {12};
  config.lr = 1e-3;
  return config;
}

// The gradients of the first step.
std::vector<double> gradients(const Config& config, const std::string& network) {
  ModelCase test(config, 40);
  test.train(1);
  std::vector<double> all;
  for (const std::vector<double>& of_one : in_double(
           *test.network(network).parameters, test.network(network).parameters->gradients())) {
    all.insert(all.end(), of_one.begin(), of_one.end());
  }
  return all;
}
double norm(const std::vector<double>& g) {
  double squares = 0;
  for (const double x : g) squares += x * x;
  return std::sqrt(squares);
}

void expect_shortened(const std::vector<double>& clipped, const std::vector<double>& whole,
                      double factor) {
  ASSERT_EQ(clipped.size(), whole.size());
  for (size_t i = 0; i < whole.size(); ++i) {
    ASSERT_NEAR(clipped[i], factor * whole[i], 4 * kEpsilon * std::abs(whole[i]));
  }
}

TEST(Clip, ShortensBothNetworksOfAVaeTogether) {
  const Config config = small(ModelKind::vae);
  const std::vector<double> encoder = gradients(config, "encoder");
  const std::vector<double> decoder = gradients(config, "decoder");
  const double whole = std::hypot(norm(encoder), norm(decoder));
  Config clipped = config;
  clipped.clip_norm = 0.25 * whole;
  expect_shortened(gradients(clipped, "encoder"), encoder, 0.25);
  expect_shortened(gradients(clipped, "decoder"), decoder, 0.25);
}

TEST(Clip, ShortensEachNetworkOfAGan) {
  const Config config = small(ModelKind::gan);
  const std::vector<double> discriminator = gradients(config, "discriminator");
  Config clipped = config;
  clipped.clip_norm = 0.5 * norm(discriminator);
  expect_shortened(gradients(clipped, "discriminator"), discriminator, 0.5);
  // The generator's, through a discriminator that has moved less: of the length asked for, at most.
  clipped.clip_norm = 1e-3;
  EXPECT_GT(norm(gradients(config, "generator")), 2e-3);
  EXPECT_NEAR(norm(gradients(clipped, "generator")), 1e-3, 1e-9);
}

TEST(Clip, LeavesWhatIsShortEnoughToTheBit) {
  for (const ModelKind kind : {ModelKind::gan, ModelKind::vae}) {
    Config config = small(kind);
    ModelCase plain(config, 40);
    config.clip_norm = 1e9;
    ModelCase clipped(config, 40);
    plain.train(5);
    clipped.train(5);
    EXPECT_TRUE(bits_of(*plain.model) == bits_of(*clipped.model));
  }
}

}  // namespace
}  // namespace burin::test
