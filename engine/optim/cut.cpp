#include "engine/optim/cut.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace burin {
namespace {

std::vector<double> importances(const CutNetwork& network, int parameter, CutBy by) {
  const std::vector<float> weights = network.parameters->value(parameter).to_host();
  std::vector<double> found(weights.begin(), weights.end());
  if (by == CutBy::magnitude) {
    for (double& w : found) w = std::fabs(w);
    return found;
  }
  const std::vector<float> diagonal = network.optimizer->diagonal(parameter);
  for (size_t i = 0; i < found.size(); ++i) found[i] *= 0.5 * double{diagonal[i]} * found[i];
  return found;
}

}  // namespace

void cut_smallest(std::span<const CutNetwork> networks, double fraction, CutBy by) {
  struct Weights {
    Tensor values;
    std::vector<double> importances;
  };
  std::vector<Weights> all;
  std::vector<double> sorted;
  for (const CutNetwork& network : networks) {
    for (int i = 0; i < network.parameters->count(); ++i) {
      if (!network.parameters->info(i).is_weight) continue;
      all.push_back({network.parameters->value(i), importances(network, i, by)});
      const std::vector<double>& found = all.back().importances;
      sorted.insert(sorted.end(), found.begin(), found.end());
    }
  }
  const auto cut = static_cast<int64_t>(std::ceil(fraction * static_cast<double>(sorted.size())));
  if (cut < 1) return;
  const auto last = sorted.begin() + (cut - 1);
  std::nth_element(sorted.begin(), last, sorted.end());
  const double border = *last;
  for (Weights& weights : all) {
    std::vector<float> values = weights.values.to_host();
    for (size_t i = 0; i < values.size(); ++i) {
      if (weights.importances[i] <= border) values[i] = 0.0f;
    }
    weights.values.set(values);
  }
}

}  // namespace burin
