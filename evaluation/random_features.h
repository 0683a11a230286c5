// Features of a network that nobody trained.
#pragma once

#include <cstdint>

#include "engine/autograd/tape.h"
#include "engine/nn/mlp.h"
#include "evaluation/points.h"

namespace burin {

// Leaky ReLU pixels-256-128 with the initial weights of He et al. 2015 and biases of zero: frozen.
// The same seed gives the same bits.
class RandomFeatures {
 public:
  RandomFeatures(int64_t pixels, uint64_t seed);
  // [count, kFeatures] of images [count, pixels] in [0, 1].
  Points features(const std::vector<float>& images);

  static constexpr int64_t kFeatures = 128;

 private:
  const int64_t pixels_;
  Tape tape_;
  Parameters parameters_;
  Mlp net_;
};

}  // namespace burin
