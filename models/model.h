// What a GAN and a VAE have in common for training, files and pictures.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/autograd/tape.h"
#include "engine/backend/cuda.h"
#include "engine/data/device_images.h"
#include "engine/nn/mlp.h"
#include "engine/optim/optimizer.h"
#include "engine/optim/step_clock.h"
#include "engine/random_streams.h"
#include "models/config.h"
#include "models/schedule.h"
#include "models/target_zeros.h"

namespace burin {

// A loss or a weight became infinite or NaN. The message names the step and the network.
class TrainingDiverged : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class Model {
 public:
  // `data_count` training images of `pixels` pixels. Parameters are allocated and zero: call
  // initialize(), or load a checkpoint.
  Model(const Config& config, int64_t pixels, int64_t data_count, Device device);
  virtual ~Model();
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  // Random weights from the seed; `set` is the training set.
  virtual void initialize(const ImageSet& set) = 0;

  // One training step on the next batch of `data`, always the same data. On the CPU, throws
  // TrainingDiverged before the weights are touched by a loss that is not finite. On CUDA the step
  // is only queued, from the second on as one graph, and take_losses() tells.
  void train_step(const DeviceImages& data);
  // What steps are queued on; the default stream but on CUDA.
  Stream stream() const { return stream_ == nullptr ? Stream{} : stream_->get(); }
  // Returns when all steps are done.
  void synchronize() const;

  // Pictures that generate() makes at a time.
  static constexpr int64_t kGenerateBatch = 256;
  // images[count, pixels] in [0, 1], overwritten, from latent vectors z[count, latent]; both in the
  // host's memory.
  void generate(const float* z, int64_t count, float* images);
  std::vector<float> generate(const std::vector<float>& z);
  // `count` latent vectors N(0, 1): the same for the same seed.
  std::vector<float> latent_noise(int64_t count, uint64_t seed) const;

  struct Network {
    const char* name;  // "generator"
    Parameters* parameters;
    Optimizer* optimizer;
    Memory* average;  // running average of the values, or nullptr
    double lambda =
        0;  // of its weights, while the penalty acts, if their layer has none of its own
    // By parameter; filled in by set_penalties().
    std::vector<double> lambdas = {};
    bool penalised = false;
    Steering steering = {};  // of target_zeros
  };
  const std::vector<Network>& networks() const { return networks_; }
  // lambda of the weights of the next step, by schedule and steering, where no layer has its own.
  double lambda(const Network& network) const;
  // From a checkpoint.
  void set_steering(const std::string& network, const Steering& steering);

  // Losses by name, and their means since they were last taken. Waits for the device; throws
  // TrainingDiverged if a loss was not finite.
  const std::vector<std::string>& loss_names() const { return loss_names_; }
  std::vector<double> take_losses();

  int64_t step() const { return clock_.step(); }  // steps done, or queued
  void set_step(int64_t step) { clock_.set_step(step); }
  int64_t steps_per_epoch() const { return steps_per_epoch_; }
  int64_t pixels() const { return pixels_; }
  const Config& config() const { return config_; }
  double learning_rate() const { return config_.lr * schedule_.rate_factor(step()); }
  size_t peak_step_bytes() const { return tape_.peak_bytes(); }
  size_t product_scratch_bytes() const { return tape_.products().scratch_bytes(); }
  // Makes room for temporaries of `bytes`.
  void reserve_step_bytes(size_t bytes) { tape_.reserve(bytes); }
  // Kernels in a step, where steps are captured; 0 before.
  int kernels_per_step() const { return graph_.kernels(); }

 protected:
  virtual void forward_backward_update(const DeviceImages& data) = 0;
  // Of generate(), on the device: before the first batch, and one batch, out[B, pixels] from z[B,
  // latent].
  virtual void prepare_generating() {}
  virtual void generate_batch(const Tensor& z, const Tensor& out) = 0;
  // Whether generate_batch makes pixels in [-1, 1] instead of [0, 1].
  virtual bool signed_pixels() const { return false; }

  RandomKey key(RandomStream stream) const {
    return {config_.seed, stream_of(stream), clock_.device_step()};
  }
  const UpdateRule& update_rule() const { return rule_; }
  // Once networks_ is filled in: lambdas of layers, AdamW's decay. Throws UsageError for a layer
  // that does not exist.
  void set_penalties();
  MlpOptions mlp_options(std::vector<int64_t> sizes) const;
  Activation hidden_activation() const;
  Initialization initialization() const;
  // Shortens the gradients of these networks together to clip_norm, if that is not 0.
  void clip(std::initializer_list<const Parameters*> networks);
  float beta() const { return static_cast<float>(schedule_.beta(step())); }
  // Says where the loss of this step is, to be added to its mean. On the CPU, throws
  // TrainingDiverged if it is not finite.
  void record_loss(size_t index, Variable loss);
  // The part of a latent vector [B, latent] that the network behind it takes in: all of it, but for
  // a compact model.
  int64_t inner_latents() const {
    return config_.compact ? static_cast<int64_t>(config_.read_latents.size()) : config_.latent;
  }
  Variable take_latents(Variable z);
  // What step 0, 1, ... reads on the device.
  virtual StepScalars scalars_at(int64_t step) const = 0;
  UpdateScalars update_scalars_at(int64_t step, double lr) const;

  const Config config_;
  const Device device_;

 private:
  const int64_t pixels_;
  const int64_t steps_per_epoch_;
  const Schedule schedule_;
  const UpdateRule rule_;
  const std::unique_ptr<cuda::OwnedStream> stream_;  // on CUDA
  Memory taken_latents_;                             // int32_t[inner_latents()], of a compact model

 protected:
  Tape tape_;
  StepClock clock_;
  std::vector<Network> networks_;
  std::vector<std::string> loss_names_;
  std::vector<const char*> loss_networks_;  // each loss's network

 private:
  void follow_schedule();
  void cut_smallest_weights(double fraction);
  void steer(Network& network);
  void queue_step(const DeviceImages& data);
  [[noreturn]] void report_divergence(int64_t step, size_t loss, const std::string& value) const;

  Memory squares_;  // floats: sums of squares of gradients; none without clip_norm
  std::vector<const float*> losses_;  // of the step in hand, on the device
  cuda::Graph graph_;
  int64_t graph_memory_ = -1;  // Tape::memory_version of the graph's addresses
  const DeviceImages* graph_data_ = nullptr;
};

// `columns` on the device, for ops::select_columns.
Memory columns_on(Device device, const std::vector<int32_t>& columns);

std::unique_ptr<Model> make_model(const Config& config, int64_t pixels, int64_t data_count,
                                  Device device);

}  // namespace burin
