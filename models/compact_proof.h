// That a compact model computes what the whole one does, on data. docs/compact.md#proof
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/compact.h"

namespace burin {

// What both made of the same examples.
struct Proof {
  std::string what;  // "pictures", "posterior", "reconstruction"
  int64_t examples = 0;
  bool same_bits = false;
  double largest_difference = 0;
  double largest_bound = 0;
  // The largest difference over its own bound: at most 1, or they are not the same function.
  double largest_share = 0;
  bool holds() const { return largest_share <= 1; }
};

// Pictures of `count` >= 1 latent vectors; of a VAE also posterior (of the latent units that
// stayed) and reconstruction of `images`[count, pixels] in [0, 1]. Each value may differ by what
// rounding may do to either model: the sum of both bounds of run_bounded.
std::vector<Proof> prove(const CompactModel& whole, const CompactModel& compact, int64_t count,
                         uint64_t seed, const std::vector<float>& images);

}  // namespace burin
