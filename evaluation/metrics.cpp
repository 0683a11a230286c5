#include "evaluation/metrics.h"

#include <fmt/format.h>

#include <algorithm>

#include "evaluation/classifier.h"
#include "evaluation/frechet.h"
#include "evaluation/kid.h"
#include "evaluation/latents.h"
#include "evaluation/prdc.h"
#include "evaluation/random_features.h"
#include "models/config.h"

namespace burin {
namespace {

std::string known_names() {
  std::string names;
  for (const Metric& metric : all_metrics()) names += std::string(metric.name) + ", ";
  return names + "all";
}

const Metric& metric_of(const std::string& name) {
  const std::vector<Metric>& all = all_metrics();
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const Metric& m) { return m.name == name; });
  if (found != all.end()) return *found;
  if (name == "fd-lenet") {
    throw UsageError(
        "--metrics: fd-lenet would be of a convolutional network, which Burin has not; fd-mlp is "
        "the Frechet distance of its own classifier, of dense layers");
  }
  throw UsageError(fmt::format("--metrics: {} is not known; expected {}", name, known_names()));
}

}  // namespace

const std::vector<Metric>& all_metrics() {
  static const std::vector<Metric> all = {
      {"elbo", "evidence lower bound", true, false, 1},
      {"nll", "negative log-likelihood by importance sampling", true, false, 1},
      {"kl", "divergence of the posterior from the prior", true, false, 1},
      {"active", "active latent units", true, false, kActiveLeast},
      {"digits", "what a classifier sees in generated images", false, true, 1},
      {"fd-mlp", "Frechet distance of the classifier's features", false, true,
       frechet_least(Classifier::kFeatures)},
      {"fd-rand", "the same of random networks' features", false, false,
       frechet_least(RandomFeatures::kFeatures)},
      {"kid", "kernel distance of the classifier's features", false, true, kKidLeast},
      {"prdc", "precision, recall, density and coverage of the same", false, true, kPrdcLeast},
      {"parzen", "Parzen window log-likelihood (historical)", false, false, 2},
  };
  return all;
}

std::vector<Metric> chosen_metrics(const std::vector<std::string>& names, bool is_vae) {
  std::vector<Metric> chosen;
  if (names.empty()) {
    if (is_vae) chosen.push_back(metric_of("elbo"));
    chosen.push_back(metric_of("digits"));
    return chosen;
  }
  for (const std::string& name : names) {
    if (name == "all" && names.size() == 1) {
      for (const Metric& metric : all_metrics()) {
        if (is_vae || !metric.of_vae) chosen.push_back(metric);
      }
      return chosen;
    }
    if (name == "all") throw UsageError("--metrics: all stands alone, but other metrics are given");
    const Metric& metric = metric_of(name);
    if (metric.of_vae && !is_vae) {
      throw UsageError(fmt::format("--metrics: a gan has no {}; {} is for a vae",
                                   name == "active" || name == "kl" ? "encoder" : "likelihood",
                                   name));
    }
    for (const Metric& before : chosen) {
      if (before.name == name) throw UsageError(fmt::format("--metrics: {} is given twice", name));
    }
    chosen.push_back(metric);
  }
  return chosen;
}

}  // namespace burin
