// What changes over a run: the learning rate, and whether L1 acts.
#pragma once

#include <cstdint>

#include "models/config.h"

namespace burin {

class Schedule {
 public:
  Schedule(const Config& config, int64_t steps_per_epoch);

  // The factor on the learning rate at a step (0, 1, ...).
  double rate_factor(int64_t step) const;
  // False from the step on at which L1 ends and the zeros are frozen.
  bool l1_acts(int64_t step) const;
  // True at that step alone.
  bool l1_ends(int64_t step) const;

 private:
  const Config& config_;
  double steps_per_epoch_;
};

}  // namespace burin
