// What a GAN and a VAE have in common for training, files and pictures.
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/autograd/tape.h"
#include "engine/data/device_images.h"
#include "engine/nn/mlp.h"
#include "engine/optim/optimizer.h"
#include "engine/random_streams.h"
#include "models/config.h"
#include "models/schedule.h"

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
  virtual ~Model() = default;
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  // Random weights from the seed; `set` is the training set.
  virtual void initialize(const ImageSet& set) = 0;

  // One training step on the next batch of `data`. Throws TrainingDiverged before the weights are
  // touched by a loss that is not finite.
  void train_step(const DeviceImages& data);

  // Images [count, pixels] in [0, 1] from latent vectors z [count, latent].
  virtual std::vector<float> generate(const std::vector<float>& z) = 0;
  // `count` latent vectors N(0, 1): the same for the same seed.
  std::vector<float> latent_noise(int64_t count, uint64_t seed) const;

  struct Network {
    const char* name;  // "generator"
    Parameters* parameters;
    Optimizer* optimizer;
    Memory* average;  // running average of the values, or nullptr
  };
  virtual std::vector<Network> networks() = 0;

  // Losses by name, and their means since they were last taken.
  const std::vector<std::string>& loss_names() const { return loss_names_; }
  std::vector<double> take_losses();

  int64_t step() const { return static_cast<int64_t>(*step_.as<uint64_t>()); }  // steps done
  void set_step(int64_t step);
  int64_t steps_per_epoch() const { return steps_per_epoch_; }
  int64_t pixels() const { return pixels_; }
  const Config& config() const { return config_; }
  double learning_rate() const { return config_.lr * schedule_.rate_factor(step()); }
  size_t peak_step_bytes() const { return tape_.peak_bytes(); }

 protected:
  virtual void forward_backward_update(const DeviceImages& data) = 0;

  RandomKey key(RandomStream stream) const {
    return {config_.seed, stream_of(stream), step_.as<uint64_t>()};
  }
  UpdateRule update_rule() const;
  MlpOptions mlp_options(std::vector<int64_t> sizes) const;
  Activation hidden_activation() const;
  Initialization initialization() const;
  // Adds `loss` to its mean; throws TrainingDiverged if it is not finite.
  void record_loss(size_t index, Variable loss, const char* network);
  // Sets lambda by the schedule and updates `network` with learning rate `lr` before the schedule.
  void update(const Network& network, double lr, double lambda);

  const Config config_;
  Tape tape_;
  std::vector<std::string> loss_names_;

 private:
  const int64_t pixels_;
  const int64_t steps_per_epoch_;
  const Schedule schedule_;
  Memory step_;  // one uint64_t
  std::vector<double> loss_sums_;
  int64_t loss_count_ = 0;
};

std::unique_ptr<Model> make_model(const Config& config, int64_t pixels, int64_t data_count,
                                  Device device);

}  // namespace burin
