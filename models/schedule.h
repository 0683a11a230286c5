// What changes over a run: the learning rate, lambda, and whether the penalty on weights acts. All
// of it follows from the step and the settings alone, none from how long the run is to be, so that
// a run may be stopped, resumed and made longer anywhere.
#pragma once

#include <cstdint>
#include <string>

#include "models/config.h"

namespace burin {

class Schedule {
 public:
  // Keeps a reference to `config`.
  Schedule(const Config& config, int64_t steps_per_epoch);

  // The factor on the learning rate, and on lambda of weights, at a step (0, 1, ...).
  double rate_factor(int64_t step) const;
  double lambda_factor(int64_t step) const;
  // False from the step on at which L1 ends and the zeros are frozen.
  bool l1_acts(int64_t step) const;
  // True at that step alone.
  bool l1_ends(int64_t step) const;
  // The fraction of weights to cut before this step: l1_cut where L1 ends, and of a cut that goes
  // on from l1_cut_from that fraction's way there (zeros_wanted); else 0.
  double cut_fraction(int64_t step) const;
  // What the KL divergence is multiplied by, and whether it still changes.
  double beta(int64_t step) const;
  bool beta_rises(int64_t step) const;
  // How far target_zeros has come by then: 0 to 1.
  double target_way(int64_t step) const;

 private:
  struct Fall {
    const std::string& kind;
    double from, until, every;  // epochs
    double last;
  };
  // 0 at step 0, 1 after `epochs`, a line between.
  double risen(double epochs, int64_t step) const;
  // 1 up to epoch `from`, then on to `last` by epoch `until`; in stairs: times `last` at `from`,
  // and again every `every` epochs up to `until`.
  double fallen(const Fall& fall, int64_t step) const;

  const Config& config_;
  double steps_per_epoch_;
  int64_t interval_;  // of cuts, in steps
};

}  // namespace burin
