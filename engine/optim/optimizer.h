// Updates the parameters of one network.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/nn/parameters.h"
#include "kernels/l1_update/l1_update.h"

namespace burin {

// An optimiser with its penalty; the formulas are in kernels/l1_update/l1_update.h. State lives in
// flat buffers of the parameters' layout. Biases are not penalised, but for group lasso, whose
// groups are a neuron's incoming weights and its bias.
class Optimizer {
 public:
  // Keeps a reference to `parameters`, which must be allocated and outlive this. Works on `stream`.
  // Group lasso asks for weights of rank 2, "NAME.weight", with a bias "NAME.bias" or none.
  Optimizer(const Parameters& parameters, const UpdateRule& rule, Stream stream = {});

  // The penalty on all weights, or on each parameter (of biases it is not read) times `factor`,
  // from the next step on.
  void set_lambda(float lambda);
  void set_lambdas(const std::vector<double>& lambdas, double factor = 1);
  float lambda(int parameter) const { return segments_[static_cast<size_t>(parameter)].lambda; }
  // AdamW's, on all weights.
  void set_weight_decay(float decay);
  // From the next step on, weights that are exactly zero stay zero: the support is fixed.
  void freeze_zeros();

  // An update from the gradients in the parameters; the scalars are read on the device, when it is
  // their turn. Overwrites the parameters and the state.
  void step(const UpdateScalars* device_scalars);
  // The same as update number `t` (1, 2, ...) with scalars of the optimiser's own.
  void step(float learning_rate, int64_t t);

  // After the last step: of each parameter, of all weights, and of the network. They wait for the
  // device. On the CPU they are counted when they are asked for, from the gradients that the step
  // took: ask before those are overwritten.
  SegmentStats stats(int parameter) const;
  double zero_fraction() const;  // exact zeros among the weights, biases not counted
  double l1_norm() const;        // sum |w| over the weights
  double gradient_norm() const;  // of the smooth loss, over weights and biases
  // Counts zeros and norms without a step (after loading); gradient norms become 0.
  void measure();

  // The diagonal D that the last step divided by (update_diagonal), of each element of a parameter.
  // Waits for the device.
  std::vector<float> diagonal(int parameter) const;

  // State buffers by name, as checkpoints have them: "m" and "v" for Adam, "momentum", or none.
  struct State {
    const char* name;
    const Memory* buffer;
  };
  std::vector<State> states() const;
  const Parameters& parameters() const { return parameters_; }

 private:
  std::vector<SegmentStats> all_stats() const;
  void count_if_stale() const;
  void group_rows();
  template <class LambdaOf>
  void change_lambdas(const LambdaOf& lambda_of);
  void upload_segments();

  const Parameters& parameters_;
  const UpdateRule rule_;
  const Stream stream_;
  std::vector<UpdateSegment> segments_;
  // On the device.
  Memory m_;
  Memory v_;
  Memory a_;
  Memory scalars_;          // UpdateScalars, of step(learning_rate, t)
  Memory device_segments_;  // as segments_
  Memory stats_;            // SegmentStats, one a segment
  mutable bool stats_are_stale_ = false;
};

}  // namespace burin
