// A dense layer: y = activation(x W^T + b).
#pragma once

#include <string>
#include <vector>

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
  // Layers of these names that read the same x, computed as one: y[B, names * out] has their
  // outputs side by side.
  Linear(Parameters& parameters, const std::vector<std::string>& names, int64_t in, int64_t out,
         Activation activation, float slope);

  // options: where the result goes and which rows are trained; the activation is the layer's.
  Variable forward(Tape& tape, const Parameters& parameters, Variable x, bool trainable,
                   ops::DenseOptions options = {}) const;

  // The weight [parts * out, in] and bias on the tape, for operations that take the layer in.
  Variable weight_variable(Tape& tape, const Parameters& parameters, bool trainable) const {
    return parameters.variable(tape, weight_, trainable, parts_);
  }
  Variable bias_variable(Tape& tape, const Parameters& parameters, bool trainable) const {
    return parameters.variable(tape, bias_, trainable, parts_);
  }

  // Overwrites the weights by random numbers of (seed, stream), the next stream for the next name,
  // and the biases by zeros.
  void initialize(const Parameters& parameters, Initialization kind, uint64_t seed,
                  uint32_t stream) const;

  int weight() const { return weight_; }  // index in the parameters, of the first name
  int bias() const { return bias_; }
  int64_t in() const { return in_; }
  int64_t out() const { return out_; }
  int parts() const { return parts_; }  // names

 private:
  void initialize_part(const Parameters& parameters, int part, Initialization kind, uint64_t seed,
                       uint32_t stream) const;

  int64_t in_;
  int64_t out_;  // of each part
  Activation activation_;
  float slope_;
  int parts_;
  int weight_ = 0;
  int bias_ = 0;
};

}  // namespace burin
