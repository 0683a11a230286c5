// The metrics that there are, by name. What each one is: docs/evaluation.md
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace burin {

struct Metric {
  const char* name;
  const char* what;    // for --help
  bool of_vae;         // asks for a likelihood or latents, which a GAN has not
  bool of_classifier;  // asks the classifier
  int64_t least;       // images that it takes of each set
};

const std::vector<Metric>& all_metrics();

// The metrics of these names in their order, for a VAE or a GAN; "all": all that fit the model; no
// name: elbo if it fits, and digits. Throws UsageError for a name that is not known or there twice,
// and for one that asks of a GAN what it has not.
std::vector<Metric> chosen_metrics(const std::vector<std::string>& names, bool is_vae);

}  // namespace burin
