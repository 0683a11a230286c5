#include "models/gan.h"

#include <algorithm>

#include "engine/backend/dispatch.h"
#include "engine/ops/ops.h"
#include "kernels/batch/batch.h"
#include "kernels/ema_update/ema_update.h"
#include "kernels/fill/fill.h"
#include "kernels/scale/scale.h"

namespace burin {
namespace {

std::vector<int64_t> chain(int64_t first, const std::vector<int64_t>& middle, int64_t last) {
  std::vector<int64_t> sizes = {first};
  sizes.insert(sizes.end(), middle.begin(), middle.end());
  sizes.push_back(last);
  return sizes;
}

MlpOptions with_output(MlpOptions options, const std::string& activation) {
  options.output_activation = activation == "tanh" ? Activation::tanh : Activation::sigmoid;
  return options;
}

}  // namespace

Gan::Gan(const Config& config, int64_t pixels, int64_t data_count, Device device)
    : Model(config, pixels, data_count, device),
      generator_net_(
          generator_,
          with_output(mlp_options(chain(inner_latents(), config.generator_hidden, pixels)),
                      config.generator_output)),
      discriminator_net_(discriminator_,
                         mlp_options(chain(pixels, config.discriminator_hidden, 1))),
      discriminator_targets_(device, static_cast<size_t>(2 * config.batch) * sizeof(float)),
      generator_targets_(device, static_cast<size_t>(config.batch) * sizeof(float)) {
  loss_names_ = {"discriminator", "generator"};
  loss_networks_ = {"discriminator", "generator"};
  generator_.allocate(device);
  discriminator_.allocate(device);
  if (config.ema > 0) {
    average_ = Memory(device, generator_.values().bytes());
    for (const ParameterInfo& info : generator_.infos()) {
      sampling_.add(info.name, info.shape, info.is_weight);
    }
    sampling_.allocate(device);
  }
  generator_optimizer_ = std::make_unique<Optimizer>(generator_, update_rule(), stream());
  discriminator_optimizer_ = std::make_unique<Optimizer>(discriminator_, update_rule(), stream());
  networks_ = {{"generator", &generator_, generator_optimizer_.get(),
                config.ema > 0 ? &average_ : nullptr, config.l1_generator},
               {"discriminator", &discriminator_, discriminator_optimizer_.get(), nullptr,
                config.l1_discriminator}};
  if (config.compact) networks_.pop_back();
  set_penalties();
  BURIN_DISPATCH(device, fill, discriminator_targets_.as<float>(), config.batch,
                 static_cast<float>(config.real_label), {});
  if (config.gan_loss == "non_saturating") {
    BURIN_DISPATCH(device, fill, generator_targets_.as<float>(), config.batch, 1.0f, {});
  }
}

void Gan::initialize(const ImageSet&) {
  int layer = 0;
  for (const auto& [net, parameters] :
       {std::pair(&generator_net_, &generator_), std::pair(&discriminator_net_, &discriminator_)}) {
    for (const Linear& linear : net->layers()) {
      linear.initialize(*parameters, initialization(), config_.seed,
                        stream_of(RandomStream::initial_weights, layer++));
    }
  }
  if (config_.ema > 0) {  // begins at the weights
    BURIN_DISPATCH(device_, scale, generator_.values().as<float>(), 1.0f, average_.as<float>(),
                   generator_.flat_size(), false, {});
  }
  generator_optimizer_->measure();
  discriminator_optimizer_->measure();
}

StepScalars Gan::scalars_at(int64_t step) const {
  StepScalars scalars{};
  const double lr = config_.lr_discriminator > 0 ? config_.lr_discriminator : config_.lr;
  scalars.update[0] = update_scalars_at(step, lr);
  scalars.update[1] = update_scalars_at(step, config_.lr);
  // Young averages forget faster, so that they are not ruled by the initial weights.
  const double t = static_cast<double>(step);
  scalars.average_decay = static_cast<float>(std::min(config_.ema, (1.0 + t) / (10.0 + t)));
  return scalars;
}

// The discriminator on x, its last layer and the loss of its output in one.
Variable Gan::discriminator_loss(Variable x, bool trainable, const Tensor& targets, float scale,
                                 float l1_scale, RandomStream dropout) {
  const Variable hidden = discriminator_net_.forward_hidden(
      tape_, discriminator_, x, trainable, {static_cast<float>(config_.dropout), key(dropout)});
  const Linear& last = discriminator_net_.layers().back();
  return ops::logistic_loss(tape_, hidden, last.weight_variable(tape_, discriminator_, trainable),
                            last.bias_variable(tape_, discriminator_, trainable), targets, scale,
                            l1_scale);
}

void Gan::discriminator_turn(const Tensor& images) {
  // E[-log D(real)] + E[-log(1 - D(fake))]: Goodfellow et al. 2014, equation 1, as a loss.
  const Tensor targets(discriminator_targets_.as<float>(), {2 * config_.batch, 1}, device_);
  const float per_image = 1.0f / static_cast<float>(config_.batch);
  const Variable loss =
      discriminator_loss(tape_.constant(images), true, targets, per_image,
                         static_cast<float>(config_.l1_discriminator_output) * per_image,
                         RandomStream::dropout_discriminator_turn);
  record_loss(0, loss);
  tape_.backward_part({loss});
  clip({&discriminator_});
  discriminator_optimizer_->step(clock_.update(0));
}

void Gan::generator_turn(Variable fake) {
  // Non-saturating: -log D(fake), cross entropy against 1. Minimax: log(1 - D(fake)), minus the
  // cross entropy against 0. Goodfellow et al. 2014, section 3.
  const Tensor targets(generator_targets_.as<float>(), {config_.batch, 1}, device_);
  const float per_image = 1.0f / static_cast<float>(config_.batch);
  const bool minimax = config_.gan_loss == "minimax";
  const Variable loss = discriminator_loss(fake, false, targets, minimax ? -per_image : per_image,
                                           0.0f, RandomStream::dropout_generator_turn);
  record_loss(1, loss);
  if (config_.l1_generator_output > 0) {
    const float lambda = static_cast<float>(config_.l1_generator_output);
    tape_.backward({loss, ops::l1_activity(tape_, fake, lambda * per_image)});
  } else {
    tape_.backward(loss);
  }
  clip({&generator_});
  generator_optimizer_->step(clock_.update(1));
  if (config_.ema > 0) {
    BURIN_DISPATCH(device_, ema_update, generator_.values().as<float>(), average_.as<float>(),
                   generator_.flat_size(), clock_.average_decay(), stream());
  }
}

void Gan::forward_backward_update(const DeviceImages& data) {
  const int64_t batch = config_.batch;
  // Fakes of both turns, by one pass of the generator; or the same for both.
  const bool reuse = config_.fakes == "reuse";
  const int64_t fakes = reuse ? batch : 2 * batch;
  const Tensor z = tape_.temporary({fakes, config_.latent});
  const Tensor images = tape_.temporary({batch + fakes, pixels()});  // real, fake
  // Bytes to the range of the generator's output: [-1, 1] or [0, 1].
  const float range = signed_pixels() ? 2.0f : 1.0f;
  const BatchNoise noise{z.data(), batch * config_.latent,
                         key(RandomStream::noise_for_discriminator),
                         key(RandomStream::noise_for_generator), reuse ? 1 : 2};
  BURIN_DISPATCH(device_, batch_scale, data.images(), data.count(), batch, pixels(),
                 key(RandomStream::batch_order), range / 255.0f, 1.0f - range, images.data(), noise,
                 stream());
  ops::DenseOptions options;
  options.out = images.row_range(batch, fakes);
  options.trained_rows = {fakes - batch, batch};
  const Variable fake =
      generator_net_.forward(tape_, generator_, tape_.constant(z), true, Mlp::Dropout(), options);
  discriminator_turn(images.row_range(0, 2 * batch));
  generator_turn(ops::rows(tape_, fake));
}

void Gan::prepare_generating() {
  if (config_.ema <= 0) return;
  BURIN_DISPATCH(tape_.device(), masked_average, generator_.values().as<float>(),
                 average_.as<float>(), sampling_.values().as<float>(), generator_.flat_size(), {});
}

void Gan::generate_batch(const Tensor& z, const Tensor& out) {
  ops::DenseOptions options;
  options.out = out;
  generator_net_.forward(tape_, config_.ema > 0 ? sampling_ : generator_,
                         take_latents(tape_.constant(z)), false, Mlp::Dropout(), options);
}

}  // namespace burin
