// Units that a network has for nothing.
#pragma once

#include <cstdint>

#include "models/model.h"

namespace burin {

struct DeadUnits {
  int64_t dead = 0;
  int64_t units = 0;
};

// Of a network's hidden units, those whose incoming weights are all exactly zero, so that they say
// the same of every input, or whose outgoing ones are, so that nothing hears them. Units of the
// last layer are not counted, nor are inputs.
DeadUnits dead_hidden_units(const Parameters& parameters);

// Of the inputs of the first layer, those whose outgoing weights are all exactly zero: of a
// generator or decoder, latents that change nothing.
DeadUnits dead_inputs(const Parameters& parameters);

}  // namespace burin
