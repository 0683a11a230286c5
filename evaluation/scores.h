// One figure of a trained model on any set of images: what a sweep compares models by. The metrics
// themselves are those of `burin evaluate`: docs/evaluation.md
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "evaluation/classifier.h"
#include "models/model.h"

namespace burin {

struct Score {
  const char* name;  // "elbo"
  const char* what;  // for --help
  bool higher_is_better;
  bool of_vae;    // asks for a likelihood, which a GAN has not
  int64_t least;  // images that it takes of each set; of generated ones too, if it is not of_vae
};

const std::vector<Score>& all_scores();

// The scores of these names in their order, for a VAE or a GAN; no name: elbo, or fd-mlp and
// coverage. Throws UsageError for a name that is not known or there twice, and for one that asks of
// a GAN what it has not.
std::vector<Score> chosen_scores(const std::vector<std::string>& names, bool is_vae);

struct ScoreOptions {
  int64_t count = 10000;  // generated images
  uint64_t seed = 1;      // of them
  int64_t k = 500;        // samples an image of nll
};

// Of one model; images are generated once, when they are first asked for.
class ModelScores {
 public:
  // `classifier` may be null if all scores are of_vae. All must outlive this.
  ModelScores(Model& model, const std::vector<Score>& scores, const ScoreOptions& options,
              Classifier* classifier);
  ~ModelScores();

  // By name, on the images of `set`: as many as each score takes at least.
  std::map<std::string, double> on(const ImageSet& set);

 private:
  struct Generated;
  const Generated& generated();

  Model& model_;
  const std::vector<Score>& scores_;
  const ScoreOptions options_;
  Classifier* const classifier_;
  std::unique_ptr<Generated> generated_;
};

}  // namespace burin
