// A dense layer: y = activation(x W^T + b).
#pragma once

#include <string>

#include "engine/nn/parameters.h"
#include "engine/ops/ops.h"

namespace burin {

enum class Initialization {
  he,      // N(0, 2 / ((1 + slope^2) in)): He et al. 2015, equation 15
  xavier,  // U(-a, a), a = sqrt(6 / (in + out)): Glorot & Bengio 2010, equation 16
};

class Linear {
 public:
  // Registers `name`.weight [out, in] and `name`.bias [out]. out, in >= 1.
  Linear(Parameters& parameters, const std::string& name, int64_t in, int64_t out,
         Activation activation, float slope);

  Variable forward(Tape& tape, const Parameters& parameters, Variable x, bool trainable,
                   Tensor out = {}) const;

  // Overwrites the weight by random numbers of (seed, stream), the bias by zeros.
  void initialize(const Parameters& parameters, Initialization kind, uint64_t seed,
                  uint32_t stream) const;

  int weight() const { return weight_; }  // index in the parameters
  int bias() const { return bias_; }
  int64_t in() const { return in_; }
  int64_t out() const { return out_; }

 private:
  int64_t in_;
  int64_t out_;
  Activation activation_;
  float slope_;
  int weight_;
  int bias_;
};

}  // namespace burin
