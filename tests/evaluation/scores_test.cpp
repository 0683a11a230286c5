// Scores by name, and that they are the metrics themselves.
#include "evaluation/scores.h"

#include <gtest/gtest.h>

#include "evaluation/frechet.h"
#include "evaluation/kid.h"
#include "evaluation/prdc.h"
#include "models/vae.h"
#include "tests/support/model_case.h"

namespace burin::test {
namespace {

std::vector<std::string> names_of(const std::vector<Score>& scores) {
  std::vector<std::string> names;
  for (const Score& score : scores) names.push_back(score.name);
  return names;
}

TEST(Scores, ByName) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(names_of(chosen_scores({}, true)), (Names{"elbo"}));
  EXPECT_EQ(names_of(chosen_scores({}, false)), (Names{"fd-mlp", "coverage"}));
  EXPECT_EQ(names_of(chosen_scores({"kid", "nll"}, true)), (Names{"kid", "nll"}));
  EXPECT_THROW(chosen_scores({"nll"}, false), UsageError);
  EXPECT_THROW(chosen_scores({"kid", "kid"}, false), UsageError);
  EXPECT_THROW(chosen_scores({"digits"}, false), UsageError);
  EXPECT_THROW(chosen_scores({""}, false), UsageError);
}

TEST(Scores, AreTheMetrics) {
  Config config;
  config.model = ModelKind::vae;
  config.batch = 10;
  config.latent = 4;
  config.encoder_hidden = {20};
  config.decoder_hidden = {20};
  ModelCase test(config, 150);
  test.train(5);
  Vae& vae = static_cast<Vae&>(*test.model);
  Classifier classifier(test.data, 10, 1);
  std::vector<std::string> all;
  for (const Score& score : all_scores()) all.push_back(score.name);
  const std::vector<Score> scores = chosen_scores(all, true);
  ScoreOptions options;
  options.count = 140;
  options.k = 3;
  const auto values = ModelScores(vae, scores, options, &classifier).on(test.set);
  ASSERT_EQ(values.size(), scores.size());
  EXPECT_EQ(values.at("elbo"), vae.elbo(test.data));
  EXPECT_EQ(values.at("nll"), vae.nll(test.data, 3));

  std::vector<float> images;
  for (const uint8_t pixel : test.set.images) images.push_back(static_cast<float>(pixel) / 255.0f);
  const Points real = classifier.features(images);
  const Points drawn = classifier.features(vae.generate(vae.latent_noise(140, 1)));
  EXPECT_EQ(values.at("fd-mlp"), frechet_distance(gaussian_of(drawn), gaussian_of(real)));
  EXPECT_EQ(values.at("kid"), kid(drawn, real).value);
  const Prdc balls = prdc(real, neighbour_radii(real), drawn, neighbour_radii(drawn));
  EXPECT_EQ(values.at("precision"), balls.precision);
  EXPECT_EQ(values.at("recall"), balls.recall);
  EXPECT_EQ(values.at("density"), balls.density);
  EXPECT_EQ(values.at("coverage"), balls.coverage);
}

}  // namespace
}  // namespace burin::test
