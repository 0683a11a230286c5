// Steers lambda towards a fraction of zeros.
//
// Zeros follow lambda with a lag: a weight that is to become zero has to shrink first, by about
// lr * lambda / D a step. A controller that asks only for what is missing (the integral of the
// error) goes on raising lambda in that time and swings. This one also answers the error's change,
// which damps it: a PI controller in its velocity form (Astrom & Haegglund 1995, PID Controllers,
// section 3.5), of log lambda. Its integral part is taken in proportion to the learning rate, by
// which the lag grows when the rate falls.
#pragma once

#include <cstdint>

namespace burin {

// The fraction of zeros to have at `way`, from 0 at the begin to 1 by target_epochs:
// target (1 - (1 - way)^3) (Zhu & Gupta 2017, arXiv 1710.01878, equation 1).
double zeros_wanted(double target, double way);

// Of one network; kept in checkpoints.
struct Steering {
  double factor = 1;  // on lambda
  double error = 0;   // wanted - zeros at the last look
};

// After a look at the network, with the learning rate at `rate` of its largest. The factor changes
// by no more than a quarter at a look.
Steering steered(const Steering& before, double zeros, double wanted, double rate);

// Steps between two looks: 20 an epoch.
int64_t steering_interval(int64_t steps_per_epoch);

}  // namespace burin
