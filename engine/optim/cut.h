// Sets the smallest weights to zero.
#pragma once

#include <span>

#include "engine/nn/parameters.h"
#include "engine/optim/optimizer.h"

namespace burin {

// What weights are sorted by.
enum class CutBy {
  magnitude,  // |w| (Han et al. 2015)
  // D w^2 / 2, D the optimiser's diagonal: what the loss rises by in the quadratic model that its
  // step is the minimum of, as LeCun, Denker & Solla 1990 (Optimal Brain Damage, section 2) have
  // it with the diagonal of the Hessian. Where D is a constant it sorts as the magnitude.
  curvature
};

struct CutNetwork {
  Parameters* parameters;
  const Optimizer* optimizer;  // of those
};

// Sets the smallest weights to zero, until `fraction` of the weights of all `networks` is zero: one
// border for all of them, so curvature asks that their optimisers have followed one loss. What is
// worth the same as the last that goes, goes too; biases stay. Seldom in a run: it waits for the
// device.
void cut_smallest(std::span<const CutNetwork> networks, double fraction, CutBy by);

}  // namespace burin
