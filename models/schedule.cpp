#include "models/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "models/target_zeros.h"

namespace burin {

Schedule::Schedule(const Config& config, int64_t steps_per_epoch)
    : config_(config),
      steps_per_epoch_(static_cast<double>(steps_per_epoch)),
      interval_(steering_interval(steps_per_epoch)) {}

double Schedule::risen(double epochs, int64_t step) const {
  const double length = epochs * steps_per_epoch_;
  return length > 0 ? std::min(1.0, static_cast<double>(step) / length) : 1.0;
}

double Schedule::fallen(const Fall& fall, int64_t step) const {
  if (fall.kind == "constant") return 1.0;
  const double begin = fall.from * steps_per_epoch_;
  const double length = std::max(0.0, fall.until * steps_per_epoch_ - begin);
  const double gone = static_cast<double>(step) - begin;
  if (gone < 0) return 1.0;
  if (fall.kind == "step") {
    const double stair = fall.every * steps_per_epoch_;
    // A border that is a whole step in exact arithmetic is that step in doubles too.
    const double more = stair > 0 ? std::floor(std::min(gone, length) / stair + 1e-9) : 0.0;
    return std::pow(fall.last, 1.0 + more);
  }
  const double way = length > 0 ? std::min(gone / length, 1.0) : 1.0;
  const double done = fall.kind == "linear" ? way : 0.5 * (1.0 - std::cos(std::numbers::pi * way));
  return 1.0 + (fall.last - 1.0) * done;
}

double Schedule::rate_factor(int64_t step) const {
  // With a rate of 0 the first step would be none.
  return risen(config_.lr_warmup, step + 1) *
         fallen({config_.lr_schedule, config_.decay_from, config_.decay_until, config_.decay_every,
                 config_.lr_final},
                step);
}

double Schedule::lambda_factor(int64_t step) const {
  return risen(config_.l1_warmup, step) *
         fallen({config_.l1_schedule, config_.l1_decay_from, config_.l1_decay_until,
                 config_.l1_decay_every, config_.l1_final},
                step);
}

bool Schedule::l1_acts(int64_t step) const {
  return config_.l1_epochs == 0 || static_cast<double>(step) < config_.l1_epochs * steps_per_epoch_;
}

bool Schedule::l1_ends(int64_t step) const {
  return !l1_acts(step) && (step == 0 || l1_acts(step - 1));
}

double Schedule::cut_fraction(int64_t step) const {
  if (l1_ends(step)) return config_.l1_cut;
  if (config_.l1_cut_from == 0 || !l1_acts(step) || step % interval_ != 0) return 0;
  const double begin = config_.l1_cut_from * steps_per_epoch_;
  const double length = config_.l1_epochs * steps_per_epoch_ - begin;
  return zeros_wanted(config_.l1_cut, (static_cast<double>(step) - begin) / length);
}

double Schedule::beta(int64_t step) const {
  return config_.beta * risen(config_.beta_warmup, step);
}

bool Schedule::beta_rises(int64_t step) const {
  return static_cast<double>(step) < config_.beta_warmup * steps_per_epoch_;
}

double Schedule::target_way(int64_t step) const {
  return risen(config_.target_epochs, step);
}

}  // namespace burin
