#include "models/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace burin {

Schedule::Schedule(const Config& config, int64_t steps_per_epoch)
    : config_(config), steps_per_epoch_(static_cast<double>(steps_per_epoch)) {}

double Schedule::rate_factor(int64_t step) const {
  if (config_.lr_schedule == "constant") return 1.0;
  const double begin = config_.decay_from * steps_per_epoch_;
  const double length = config_.decay_until * steps_per_epoch_ - begin;
  const double way = length > 0 ? std::clamp((static_cast<double>(step) - begin) / length, 0.0, 1.0)
                                : (static_cast<double>(step) >= begin ? 1.0 : 0.0);
  const double fall =
      config_.lr_schedule == "linear" ? way : 0.5 * (1.0 - std::cos(std::numbers::pi * way));
  return 1.0 + (config_.lr_final - 1.0) * fall;
}

bool Schedule::l1_acts(int64_t step) const {
  return config_.l1_epochs == 0 || static_cast<double>(step) < config_.l1_epochs * steps_per_epoch_;
}

bool Schedule::l1_ends(int64_t step) const {
  return !l1_acts(step) && (step == 0 || l1_acts(step - 1));
}

}  // namespace burin
