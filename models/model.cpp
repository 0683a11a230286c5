#include "models/model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "engine/backend/dispatch.h"
#include "engine/ops/ops.h"
#include "engine/optim/cut.h"
#include "kernels/clip_norm/clip_norm.h"
#include "kernels/random_fill/random_fill.h"
#include "kernels/reduce/reduce.h"
#include "models/gan.h"
#include "models/vae.h"

namespace burin {
namespace {

// Steps whose scalars are brought to the device at a time: those between two log points, if that is
// reasonable.
constexpr int64_t kLeastTable = 32;
constexpr int64_t kMostTable = 4096;

constexpr size_t kMostClipped = 2;  // networks whose gradients have one norm

GemmSettings gemm_settings(const Config& config) {
  GemmSettings settings;
  settings.precision = config.precision == "tf32"   ? cuda::GemmPrecision::tf32
                       : config.precision == "bf16" ? cuda::GemmPrecision::bf16
                                                    : cuda::GemmPrecision::fp32;
  settings.library = config.gemm == "cublas" ? GemmLibrary::cublas
                     : config.gemm == "auto" ? GemmLibrary::automatic
                                             : GemmLibrary::own;
  return settings;
}

// The choice of a word that the table of settings allows.
template <class T>
T choose(const std::string& word, std::initializer_list<std::pair<const char*, T>> choices) {
  for (const auto& [name, value] : choices) {
    if (word == name) return value;
  }
  throw std::invalid_argument("no such choice: " + word);
}

UpdateRule update_rule(const Config& config) {
  UpdateRule rule;
  rule.optimizer = choose<OptimizerKind>(config.optimizer, {{"sgd", OptimizerKind::sgd},
                                                            {"momentum", OptimizerKind::momentum},
                                                            {"adam", OptimizerKind::adam},
                                                            {"nesterov", OptimizerKind::nesterov},
                                                            {"adagrad", OptimizerKind::adagrad},
                                                            {"rmsprop", OptimizerKind::rmsprop},
                                                            {"adadelta", OptimizerKind::adadelta},
                                                            {"adamw", OptimizerKind::adamw},
                                                            {"adamax", OptimizerKind::adamax},
                                                            {"nadam", OptimizerKind::nadam},
                                                            {"amsgrad", OptimizerKind::amsgrad}});
  rule.penalty = choose<Penalty>(config.penalty, {{"l1", Penalty::l1},
                                                  {"l2", Penalty::l2},
                                                  {"elastic_net", Penalty::elastic_net},
                                                  {"group_lasso", Penalty::group_lasso}});
  rule.l1_mode = choose<L1Mode>(config.l1_mode, {{"prox", L1Mode::prox},
                                                 {"decoupled", L1Mode::decoupled},
                                                 {"subgradient", L1Mode::subgradient}});
  rule.l2_mode = choose<L2Mode>(config.l2_mode,
                                {{"coupled", L2Mode::coupled}, {"decoupled", L2Mode::decoupled}});
  rule.l1_ratio = static_cast<float>(config.l1_ratio);
  rule.momentum = static_cast<float>(config.momentum);
  rule.beta1 = static_cast<float>(config.beta1);
  rule.beta2 = static_cast<float>(config.beta2);
  rule.rho = static_cast<float>(config.rho);
  rule.epsilon = static_cast<float>(config.epsilon);
  return rule;
}

}  // namespace

Model::Model(const Config& config, int64_t pixels, int64_t data_count, Device device)
    : config_(config),
      device_(device),
      pixels_(pixels),
      steps_per_epoch_(data_count / config.batch),
      schedule_(config_, steps_per_epoch_),
      rule_(burin::update_rule(config_)),
      stream_(device == Device::cuda ? std::make_unique<cuda::OwnedStream>() : nullptr),
      tape_(device, stream(), gemm_settings(config)),
      clock_(device, stream(), std::clamp<int64_t>(config.log_every, kLeastTable, kMostTable),
             [this](int64_t step) { return scalars_at(step); }),
      squares_(device, config.clip_norm > 0 ? kMostClipped * sizeof(float) : 0) {
  if (config.compact) {
    taken_latents_ = columns_on(device, {config.read_latents.begin(), config.read_latents.end()});
  }
}

Model::~Model() = default;

Variable Model::take_latents(Variable z) {
  if (inner_latents() == config_.latent) return z;
  return ops::select_columns(tape_, z, taken_latents_.as<int32_t>(), inner_latents());
}

void Model::train_step(const DeviceImages& data) {
  follow_schedule();
  clock_.prepare();
  // A graph has the host's numbers of the step that it was captured from.
  if (device_ != Device::cuda || cuda::launches_block() || schedule_.beta_rises(step())) {
    queue_step(data);
  } else if (!graph_.empty() && graph_memory_ == tape_.memory_version() && graph_data_ == &data) {
    graph_.launch(stream());
    clock_.count_replayed();
  } else if (graph_data_ != &data || graph_memory_ != tape_.memory_version()) {
    // First as it is: temporaries find their places, kernels are loaded.
    queue_step(data);
    graph_.reset();
    graph_data_ = &data;
    graph_memory_ = tape_.memory_version();
  } else {
    graph_.capture(stream(), [&] { queue_step(data); });
    clock_.uncount();
    graph_.launch(stream());
    clock_.count_replayed();
  }
}

void Model::queue_step(const DeviceImages& data) {
  tape_.reset();
  forward_backward_update(data);
  clock_.advance(losses_);
  // Here too, so that the arena puts its memory in order in the first step and not in the second.
  tape_.reset();
}

void Model::synchronize() const {
  burin::synchronize(device_, stream());
}

void Model::cut_smallest_weights(double fraction) {
  const auto by = choose<CutBy>(config_.l1_cut_by,
                                {{"curvature", CutBy::curvature}, {"magnitude", CutBy::magnitude}});
  std::vector<CutNetwork> penalised;
  for (const Network& network : networks_) {
    if (network.penalised) penalised.push_back({network.parameters, network.optimizer});
  }
  if (config_.l1_cut_over == "model") return cut_smallest(penalised, fraction, by);
  for (const CutNetwork& network : penalised) cut_smallest({&network, 1}, fraction, by);
}

// L1 comes to its end between two steps.
void Model::follow_schedule() {
  const bool acts = schedule_.l1_acts(step());
  const double cut = schedule_.cut_fraction(step());
  if (cut > 0) cut_smallest_weights(cut);
  for (Network& network : networks_) {
    if (acts) {
      if (config_.target_zeros > 0 && network.penalised) steer(network);
      network.optimizer->set_lambdas(network.lambdas, network.steering.factor);
      continue;
    }
    network.optimizer->set_lambda(0.0f);
    if (network.penalised) network.optimizer->freeze_zeros();
  }
}

// Between two steps, a few times an epoch.
void Model::steer(Network& network) {
  if (step() == 0 || step() % steering_interval(steps_per_epoch_) != 0) return;
  int64_t zeros = 0;
  int64_t weights = 0;
  for (int i = 0; i < network.parameters->count(); ++i) {
    if (network.lambdas[static_cast<size_t>(i)] == 0) continue;
    zeros += network.optimizer->stats(i).zeros;
    weights += network.parameters->info(i).shape.elements();
  }
  const double wanted = zeros_wanted(config_.target_zeros, schedule_.target_way(step()));
  network.steering =
      steered(network.steering, static_cast<double>(zeros) / static_cast<double>(weights), wanted,
              schedule_.rate_factor(step()));
}

double Model::lambda(const Network& network) const {
  if (!schedule_.l1_acts(step())) return 0;
  return network.lambda * network.steering.factor * schedule_.lambda_factor(step());
}

void Model::set_steering(const std::string& network, const Steering& steering) {
  for (Network& own : networks_) {
    if (network == own.name) own.steering = steering;
  }
}

UpdateScalars Model::update_scalars_at(int64_t step, double lr) const {
  UpdateScalars scalars =
      update_scalars(rule_, static_cast<float>(lr * schedule_.rate_factor(step)), step + 1);
  scalars.lambda_scale = static_cast<float>(schedule_.lambda_factor(step));
  return scalars;
}

std::vector<float> Model::latent_noise(int64_t count, uint64_t seed) const {
  std::vector<float> z(static_cast<size_t>(count * config_.latent));
  const RandomKey fixed{seed, stream_of(RandomStream::sample_noise), nullptr};
  cpu::random_normal(z.data(), static_cast<int64_t>(z.size()), 1.0f, fixed, {});
  return z;
}

void Model::generate(const float* z, int64_t count, float* images) {
  prepare_generating();
  for (int64_t first = 0; first < count; first += kGenerateBatch) {
    const int64_t batch = std::min(kGenerateBatch, count - first);
    const float* const of_z = z + first * config_.latent;
    float* const of_images = images + first * pixels_;
    const size_t pixels = static_cast<size_t>(batch * pixels_);
    tape_.reset();
    const Tensor latent = tape_.temporary({batch, config_.latent});
    copy_to_device(device_, latent.data(), of_z,
                   static_cast<size_t>(latent.elements()) * sizeof(float));
    if (device_ == Device::cpu) {
      generate_batch(latent, Tensor(of_images, {batch, pixels_}, device_));
    } else {
      const Tensor out = tape_.temporary({batch, pixels_});
      generate_batch(latent, out);
      copy_to_host(device_, of_images, out.data(), pixels * sizeof(float));
    }
    if (!signed_pixels()) continue;
    for (size_t i = 0; i < pixels; ++i) of_images[i] = 0.5f * (of_images[i] + 1.0f);
  }
}

std::vector<float> Model::generate(const std::vector<float>& z) {
  const int64_t count = static_cast<int64_t>(z.size()) / config_.latent;
  std::vector<float> images(static_cast<size_t>(count * pixels_));
  generate(z.data(), count, images.data());
  return images;
}

std::vector<double> Model::take_losses() {
  const StepClock::Losses taken = clock_.take_losses();
  if (taken.bad_step > 0) {
    report_divergence(taken.bad_step, static_cast<size_t>(taken.bad_loss), "infinite or NaN");
  }
  std::vector<double> means = taken.means;
  means.resize(loss_names_.size());
  return means;
}

void Model::clip(std::initializer_list<const Parameters*> networks) {
  if (config_.clip_norm == 0) return;
  float* const squares = squares_.as<float>();
  int count = 0;
  for (const Parameters* network : networks) {
    BURIN_DISPATCH(device_, sum_of_squares, network->gradients().as<float>(), network->flat_size(),
                   squares + count++, stream());
  }
  for (const Parameters* network : networks) {
    BURIN_DISPATCH(device_, clip_norm, network->gradients().as<float>(), network->flat_size(),
                   squares, count, static_cast<float>(config_.clip_norm), stream());
  }
}

void Model::record_loss(size_t index, Variable loss) {
  losses_.resize(loss_names_.size());
  losses_[index] = loss.value().data();
  if (device_ != Device::cpu) return;
  const double value = static_cast<double>(loss.value().item());
  if (!std::isfinite(value)) report_divergence(step() + 1, index, fmt::format("{}", value));
}

void Model::report_divergence(int64_t step, size_t loss, const std::string& value) const {
  // The loss says where it was seen; weights that are no numbers say where it came from.
  for (const Network& network : networks_) {
    if (std::isfinite(network.optimizer->l1_norm())) continue;
    throw TrainingDiverged(fmt::format(
        "step {}: the {} has weights that are infinite or NaN (the {} loss is {}); a smaller "
        "learning rate may help",
        step, network.name, loss_names_[loss], value));
  }
  throw TrainingDiverged(fmt::format("step {}: the {} loss, of the {}, is {}", step,
                                     loss_names_[loss], loss_networks_[loss], value));
}

void Model::set_penalties() {
  const std::vector<std::pair<std::string, double>> own = layer_lambdas(config_);
  std::vector<bool> met(own.size());
  std::string layers;
  for (Network& network : networks_) {
    if (config_.optimizer == "adamw") {
      network.optimizer->set_weight_decay(static_cast<float>(config_.weight_decay));
    }
    for (const ParameterInfo& info : network.parameters->infos()) {
      double lambda = info.is_weight ? network.lambda : 0.0;
      const std::string layer =
          fmt::format("{}.{}", network.name, info.name.substr(0, info.name.rfind('.')));
      if (info.is_weight) layers += (layers.empty() ? "" : ", ") + layer;
      for (size_t i = 0; i < own.size() && info.is_weight; ++i) {
        if (own[i].first != layer) continue;
        lambda = own[i].second;
        met[i] = true;
      }
      network.lambdas.push_back(lambda);
      network.penalised = network.penalised || lambda > 0;
    }
  }
  for (size_t i = 0; i < own.size(); ++i) {
    if (met[i]) continue;
    throw UsageError(
        fmt::format("l1_layers: there is no layer {}; expected one of {}", own[i].first, layers));
  }
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

Memory columns_on(Device device, const std::vector<int32_t>& columns) {
  Memory memory(device, columns.size() * sizeof(int32_t));
  copy_to_device(device, memory.data(), columns.data(), memory.bytes());
  return memory;
}

std::unique_ptr<Model> make_model(const Config& config, int64_t pixels, int64_t data_count,
                                  Device device) {
  if (config.model == ModelKind::gan) {
    return std::make_unique<Gan>(config, pixels, data_count, device);
  }
  return std::make_unique<Vae>(config, pixels, data_count, device);
}

}  // namespace burin
