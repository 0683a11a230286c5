#include "models/gan.h"

#include <algorithm>

#include "engine/backend/dispatch.h"
#include "engine/ops/ops.h"
#include "kernels/ema_update/ema_update.h"
#include "kernels/fill/fill.h"
#include "kernels/gather/gather.h"
#include "kernels/random_fill/random_fill.h"

namespace burin {
namespace {

constexpr int64_t kSampleBatch = 256;

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
      generator_net_(generator_,
                     with_output(mlp_options(chain(config.latent, config.generator_hidden, pixels)),
                                 config.generator_output)),
      discriminator_net_(discriminator_,
                         mlp_options(chain(pixels, config.discriminator_hidden, 1))),
      indices_(device, static_cast<size_t>(config.batch) * sizeof(int32_t)),
      discriminator_targets_(device, static_cast<size_t>(2 * config.batch) * sizeof(float)),
      generator_targets_(device, static_cast<size_t>(config.batch) * sizeof(float)) {
  loss_names_ = {"discriminator", "generator"};
  generator_.allocate(device);
  discriminator_.allocate(device);
  if (config.ema > 0) {
    average_ = Memory(device, generator_.values().bytes());
    for (const ParameterInfo& info : generator_.infos()) {
      sampling_.add(info.name, info.shape, info.is_weight);
    }
    sampling_.allocate(device);
  }
  generator_optimizer_ = std::make_unique<Optimizer>(generator_, update_rule());
  discriminator_optimizer_ = std::make_unique<Optimizer>(discriminator_, update_rule());
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
  if (config_.ema > 0) {
    BURIN_DISPATCH(tape_.device(), ema_update, generator_.values().as<float>(),
                   average_.as<float>(), generator_.flat_size(), 0.0f, {});
  }
  generator_optimizer_->measure();
  discriminator_optimizer_->measure();
}

Model::Network Gan::generator_network() {
  return {"generator", &generator_, generator_optimizer_.get(),
          config_.ema > 0 ? &average_ : nullptr};
}

Model::Network Gan::discriminator_network() {
  return {"discriminator", &discriminator_, discriminator_optimizer_.get(), nullptr};
}

std::vector<Model::Network> Gan::networks() {
  return {generator_network(), discriminator_network()};
}

Variable Gan::noise(RandomStream stream) {
  const Tensor z = tape_.temporary({config_.batch, config_.latent});
  BURIN_DISPATCH(tape_.device(), random_normal, z.data(), z.elements(), 1.0f, key(stream), {});
  return tape_.constant(z);
}

Mlp::Dropout Gan::dropout(RandomStream stream) const {
  return {static_cast<float>(config_.dropout), key(stream)};
}

void Gan::discriminator_turn(const DeviceImages& data) {
  tape_.reset();
  const int64_t batch = config_.batch;
  const Tensor images = tape_.temporary({2 * batch, pixels()});
  // Bytes to the range of the generator's output: [-1, 1] or [0, 1].
  const float range = tanh_output() ? 2.0f : 1.0f;
  BURIN_DISPATCH(tape_.device(), batch_indices, data.count(), batch, key(RandomStream::batch_order),
                 indices_.as<int32_t>(), {});
  BURIN_DISPATCH(tape_.device(), gather_scale, data.images(), indices_.as<int32_t>(), batch,
                 pixels(), range / 255.0f, 1.0f - range, images.data(), {});
  generator_net_.forward(tape_, generator_, noise(RandomStream::noise_for_discriminator), false,
                         Mlp::Dropout(), images.row_range(batch, batch));

  const Variable logits =
      discriminator_net_.forward(tape_, discriminator_, tape_.constant(images), true,
                                 dropout(RandomStream::dropout_discriminator_turn));
  // E[-log D(real)] + E[-log(1 - D(fake))]: Goodfellow et al. 2014, equation 1, as a loss.
  const Tensor targets(discriminator_targets_.as<float>(), {2 * batch, 1}, tape_.device());
  const float per_image = 1.0f / static_cast<float>(batch);
  Variable loss = ops::bce_logits(tape_, logits, targets, per_image);
  record_loss(0, loss, "discriminator");
  if (config_.l1_discriminator_output > 0) {
    const float lambda = static_cast<float>(config_.l1_discriminator_output);
    loss = ops::add(tape_, loss, ops::l1_activity(tape_, logits, lambda * per_image));
  }
  tape_.backward(loss);
  const double lr = config_.lr_discriminator > 0 ? config_.lr_discriminator : config_.lr;
  update(discriminator_network(), lr, config_.l1_discriminator);
}

void Gan::generator_turn() {
  tape_.reset();
  const int64_t batch = config_.batch;
  const Variable fake =
      generator_net_.forward(tape_, generator_, noise(RandomStream::noise_for_generator), true);
  const Variable logits = discriminator_net_.forward(tape_, discriminator_, fake, false,
                                                     dropout(RandomStream::dropout_generator_turn));
  // Non-saturating: -log D(fake), cross entropy against 1. Minimax: log(1 - D(fake)), minus the
  // cross entropy against 0. Goodfellow et al. 2014, section 3.
  const Tensor targets(generator_targets_.as<float>(), {batch, 1}, tape_.device());
  const float per_image = 1.0f / static_cast<float>(batch);
  const bool minimax = config_.gan_loss == "minimax";
  Variable loss = ops::bce_logits(tape_, logits, targets, minimax ? -per_image : per_image);
  record_loss(1, loss, "generator");
  if (config_.l1_generator_output > 0) {
    const float lambda = static_cast<float>(config_.l1_generator_output);
    loss = ops::add(tape_, loss, ops::l1_activity(tape_, fake, lambda * per_image));
  }
  tape_.backward(loss);
  update(generator_network(), config_.lr, config_.l1_generator);
  if (config_.ema > 0) {
    // Young averages forget faster, so that they are not ruled by the initial weights.
    const double t = static_cast<double>(step());
    const float decay = static_cast<float>(std::min(config_.ema, (1.0 + t) / (10.0 + t)));
    BURIN_DISPATCH(tape_.device(), ema_update, generator_.values().as<float>(),
                   average_.as<float>(), generator_.flat_size(), decay, {});
  }
}

void Gan::forward_backward_update(const DeviceImages& data) {
  discriminator_turn(data);
  generator_turn();
}

std::vector<float> Gan::generate(const std::vector<float>& z) {
  const Parameters* parameters = &generator_;
  if (config_.ema > 0) {
    BURIN_DISPATCH(tape_.device(), masked_average, generator_.values().as<float>(),
                   average_.as<float>(), sampling_.values().as<float>(), generator_.flat_size(),
                   {});
    parameters = &sampling_;
  }
  std::vector<float> images;
  const int64_t count = static_cast<int64_t>(z.size()) / config_.latent;
  for (int64_t first = 0; first < count; first += kSampleBatch) {
    const int64_t batch = std::min(kSampleBatch, count - first);
    tape_.reset();
    const Tensor latent = tape_.temporary({batch, config_.latent});
    latent.set({z.begin() + first * config_.latent, z.begin() + (first + batch) * config_.latent});
    const Variable fake = generator_net_.forward(tape_, *parameters, tape_.constant(latent), false);
    const std::vector<float> values = fake.value().to_host();
    images.insert(images.end(), values.begin(), values.end());
  }
  if (tanh_output()) {
    for (float& pixel : images) pixel = 0.5f * (pixel + 1.0f);
  }
  return images;
}

}  // namespace burin
