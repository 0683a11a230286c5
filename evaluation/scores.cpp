#include "evaluation/scores.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "evaluation/frechet.h"
#include "evaluation/kid.h"
#include "evaluation/prdc.h"
#include "models/vae.h"

namespace burin {
namespace {

std::vector<float> floats_of(const ImageSet& set) {
  std::vector<float> images;
  images.reserve(set.images.size());
  for (const uint8_t pixel : set.images) images.push_back(static_cast<float>(pixel) / 255.0f);
  return images;
}

const Score& score_of(const std::string& name) {
  std::string known;
  for (const Score& score : all_scores()) {
    if (score.name == name) return score;
    known += (known.empty() ? "" : ", ") + std::string(score.name);
  }
  throw UsageError(fmt::format("--metrics: {} is nothing to compare models by; expected {}",
                               name.empty() ? "an empty name" : name, known));
}

}  // namespace

const std::vector<Score>& all_scores() {
  static const std::vector<Score> all = {
      {"elbo", "evidence lower bound", true, true, 1},
      {"nll", "negative log-likelihood by importance sampling", false, true, 1},
      {"fd-mlp", "Frechet distance of the classifier's features", false, false,
       frechet_least(Classifier::kFeatures)},
      {"kid", "kernel distance of the same", false, false, kKidLeast},
      {"precision", "fraction of generated images near a real one", true, false, kPrdcLeast},
      {"recall", "fraction of real images near a generated one", true, false, kPrdcLeast},
      {"density", "how many real images a generated one is near, in the mean", true, false,
       kPrdcLeast},
      {"coverage", "fraction of real images with a generated one near", true, false, kPrdcLeast},
  };
  return all;
}

std::vector<Score> chosen_scores(const std::vector<std::string>& names, bool is_vae) {
  if (names.empty()) {
    if (is_vae) return {score_of("elbo")};
    return {score_of("fd-mlp"), score_of("coverage")};
  }
  std::vector<Score> chosen;
  for (const std::string& name : names) {
    const Score& score = score_of(name);
    if (score.of_vae && !is_vae) {
      throw UsageError(
          fmt::format("--metrics: a gan has no likelihood; {} is for a vae", score.name));
    }
    for (const Score& before : chosen) {
      if (before.name == name) throw UsageError(fmt::format("--metrics: {} is given twice", name));
    }
    chosen.push_back(score);
  }
  return chosen;
}

struct ModelScores::Generated {
  Points features;
  NeighbourRadii radii;  // empty if no score asks for them
};

ModelScores::ModelScores(Model& model, const std::vector<Score>& scores,
                         const ScoreOptions& options, Classifier* classifier)
    : model_(model), scores_(scores), options_(options), classifier_(classifier) {}

ModelScores::~ModelScores() = default;

const ModelScores::Generated& ModelScores::generated() {
  if (generated_) return *generated_;
  generated_ = std::make_unique<Generated>();
  generated_->features =
      classifier_->features(model_.generate(model_.latent_noise(options_.count, options_.seed)));
  const bool balls = std::any_of(scores_.begin(), scores_.end(),
                                 [](const Score& score) { return score.least == kPrdcLeast; });
  if (balls) generated_->radii = neighbour_radii(generated_->features);
  return *generated_;
}

std::map<std::string, double> ModelScores::on(const ImageSet& set) {
  std::map<std::string, double> values;
  Points real;
  std::optional<Prdc> balls;
  for (const Score& score : scores_) {
    const std::string name = score.name;
    if (score.of_vae) {
      const DeviceImages images(set, Device::cpu);
      Vae& vae = static_cast<Vae&>(model_);
      values[name] = name == "elbo" ? vae.elbo(images) : vae.nll(images, options_.k);
      continue;
    }
    const Generated& drawn = generated();
    if (real.count == 0) real = classifier_->features(floats_of(set));
    if (name == "fd-mlp") {
      values[name] = frechet_distance(gaussian_of(drawn.features), gaussian_of(real));
    } else if (name == "kid") {
      values[name] = kid(drawn.features, real).value;
    } else {
      if (!balls) balls = prdc(real, neighbour_radii(real), drawn.features, drawn.radii);
      values[name] = name == "precision" ? balls->precision
                     : name == "recall"  ? balls->recall
                     : name == "density" ? balls->density
                                         : balls->coverage;
    }
  }
  return values;
}

}  // namespace burin
