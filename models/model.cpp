#include "models/model.h"

#include <fmt/format.h>

#include <cmath>

#include "engine/backend/dispatch.h"
#include "kernels/random_fill/random_fill.h"
#include "models/gan.h"
#include "models/vae.h"

namespace burin {

Model::Model(const Config& config, int64_t pixels, int64_t data_count, Device device)
    : config_(config),
      tape_(device),
      pixels_(pixels),
      steps_per_epoch_(data_count / config.batch),
      schedule_(config_, steps_per_epoch_),
      step_(device, sizeof(uint64_t)) {}

void Model::train_step(const DeviceImages& data) {
  forward_backward_update(data);
  // Here too, so that the arena puts its memory in order in the first step and not in the second.
  tape_.reset();
  ++loss_count_;
  set_step(step() + 1);
}

void Model::set_step(int64_t step) {
  const uint64_t value = static_cast<uint64_t>(step);
  copy_to_device(step_.device(), step_.data(), &value, sizeof value);
}

std::vector<float> Model::latent_noise(int64_t count, uint64_t seed) const {
  std::vector<float> z(static_cast<size_t>(count * config_.latent));
  const RandomKey fixed{seed, stream_of(RandomStream::sample_noise), nullptr};
  cpu::random_normal(z.data(), static_cast<int64_t>(z.size()), 1.0f, fixed, {});
  return z;
}

std::vector<double> Model::take_losses() {
  std::vector<double> means(loss_names_.size(), 0.0);
  for (size_t i = 0; i < loss_sums_.size(); ++i) {
    if (loss_count_ > 0) means[i] = loss_sums_[i] / static_cast<double>(loss_count_);
    loss_sums_[i] = 0;
  }
  loss_count_ = 0;
  return means;
}

void Model::record_loss(size_t index, Variable loss, const char* network) {
  const double value = static_cast<double>(loss.value().item());
  if (!std::isfinite(value)) {
    // The loss says where it was seen; weights that are no numbers say where it came from.
    for (const Network& candidate : networks()) {
      if (!std::isfinite(candidate.optimizer->l1_norm())) {
        throw TrainingDiverged(fmt::format(
            "step {}: the {} has weights that are infinite or NaN (the {} loss is {}); a smaller "
            "learning rate may help",
            step() + 1, candidate.name, loss_names_[index], value));
      }
    }
    throw TrainingDiverged(fmt::format("step {}: the {} loss, of the {}, is {}", step() + 1,
                                       loss_names_[index], network, value));
  }
  loss_sums_.resize(loss_names_.size());
  loss_sums_[index] += value;
}

void Model::update(const Network& network, double lr, double lambda) {
  const bool acts = schedule_.l1_acts(step());
  network.optimizer->set_lambda(acts ? static_cast<float>(lambda) : 0.0f);
  if (!acts && lambda > 0) {
    if (config_.l1_cut > 0 && schedule_.l1_ends(step())) {
      network.optimizer->cut_smallest(*network.parameters, config_.l1_cut);
    }
    network.optimizer->freeze_zeros();
  }
  network.optimizer->step(static_cast<float>(lr * schedule_.rate_factor(step())), step() + 1);
}

UpdateRule Model::update_rule() const {
  UpdateRule rule;
  rule.optimizer = config_.optimizer == "sgd"        ? OptimizerKind::sgd
                   : config_.optimizer == "momentum" ? OptimizerKind::momentum
                                                     : OptimizerKind::adam;
  rule.l1_mode = config_.l1_mode == "decoupled"     ? L1Mode::decoupled
                 : config_.l1_mode == "subgradient" ? L1Mode::subgradient
                                                    : L1Mode::prox;
  rule.momentum = static_cast<float>(config_.momentum);
  rule.beta1 = static_cast<float>(config_.beta1);
  rule.beta2 = static_cast<float>(config_.beta2);
  rule.epsilon = static_cast<float>(config_.epsilon);
  return rule;
}

Activation Model::hidden_activation() const {
  return config_.activation == "tanh"      ? Activation::tanh
         : config_.activation == "sigmoid" ? Activation::sigmoid
                                           : Activation::leaky_relu;
}

MlpOptions Model::mlp_options(std::vector<int64_t> sizes) const {
  MlpOptions options;
  options.sizes = std::move(sizes);
  options.hidden_activation = hidden_activation();
  options.slope = static_cast<float>(config_.slope);
  return options;
}

Initialization Model::initialization() const {
  return config_.init == "he" ? Initialization::he : Initialization::xavier;
}

std::unique_ptr<Model> make_model(const Config& config, int64_t pixels, int64_t data_count,
                                  Device device) {
  if (config.model == ModelKind::gan) {
    return std::make_unique<Gan>(config, pixels, data_count, device);
  }
  return std::make_unique<Vae>(config, pixels, data_count, device);
}

}  // namespace burin
