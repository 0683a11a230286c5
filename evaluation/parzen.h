// The Parzen window log-likelihood: historical, only to be set beside tables of 2014.
//   log p(x) = log 1/N sum over centres c of N(x; c, sigma^2 I)
// The centres are generated images, sigma is the best of a grid on images that were held out.
// Breuleux, Bengio & Vincent 2011; Goodfellow et al. 2014, section 5 and table 1. Theis et al.
// 2016, "A note on the evaluation of generative models", show how little it says in many
// dimensions. docs/evaluation.md#parzen-windows
#pragma once

#include "evaluation/mean.h"
#include "evaluation/points.h"

namespace burin {

// In nats: of each point, [points.count] for each sigma: [sigmas][points.count]. Distances in
// single precision (squared_distances), sums in double; terms below e^-50 of a sum's largest are
// left out. Throws std::invalid_argument without centres or for a sigma that is not above 0.
std::vector<std::vector<double>> parzen_log_likelihoods(const Points& centres, const Points& points,
                                                        const std::vector<double>& sigmas);

struct Parzen {
  Mean nats;  // over the points
  double sigma = 0;
};

// Ten sigmas from 0.1 to 1, in equal ratios.
std::vector<double> parzen_sigmas();

// With the sigma of parzen_sigmas() that is best for `held_out`.
Parzen parzen(const Points& centres, const Points& held_out, const Points& points);

}  // namespace burin
