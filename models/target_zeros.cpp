#include "models/target_zeros.h"

#include <algorithm>
#include <cmath>

namespace burin {
namespace {

// Zeros change by about 0.3 for a factor of e on lambda, within about an epoch.
constexpr double kIntegral = 0.25;
constexpr double kProportional = 1.5;
constexpr double kLargestChange = 1.25;

}  // namespace

double zeros_wanted(double target, double way) {
  const double rest = 1.0 - std::clamp(way, 0.0, 1.0);
  return target * (1.0 - rest * rest * rest);
}

Steering steered(const Steering& before, double zeros, double wanted, double rate) {
  const double error = wanted - zeros;
  const double change = std::exp(kIntegral * rate * error + kProportional * (error - before.error));
  return {before.factor * std::clamp(change, 1.0 / kLargestChange, kLargestChange), error};
}

int64_t steering_interval(int64_t steps_per_epoch) {
  return std::max<int64_t>(1, steps_per_epoch / 20);
}

}  // namespace burin
