#include "models/vae.h"

#include <algorithm>
#include <cmath>

#include "engine/backend/dispatch.h"
#include "engine/ops/ops.h"
#include "kernels/batch/batch.h"
#include "kernels/gather/gather.h"
#include "kernels/sigmoid/sigmoid.h"

namespace burin {
namespace {

std::vector<int64_t> joined(std::vector<int64_t> front, const std::vector<int64_t>& back) {
  front.insert(front.end(), back.begin(), back.end());
  return front;
}

MlpOptions with_active_output(MlpOptions options) {
  options.output_activation = options.hidden_activation;
  return options;
}

}  // namespace

Vae::Vae(const Config& config, int64_t pixels, int64_t data_count, Device device)
    : Model(config, pixels, data_count, device),
      encoder_net_(encoder_,
                   with_active_output(mlp_options(joined({pixels}, config.encoder_hidden)))),
      heads_(encoder_, std::vector<std::string>{"mean", "logvar"}, config.encoder_hidden.back(),
             inner_latents(), Activation::none, 0.0f),
      decoder_net_(decoder_,
                   mlp_options(joined(joined({inner_latents()}, config.decoder_hidden), {pixels}))),
      evaluation_step_(device, sizeof(uint64_t)) {
  if (config.objective == "iwae") {
    loss_names_ = {"iwae"};
    loss_networks_ = {"decoder"};
  } else {
    loss_names_ = {"reconstruction", "kl"};
    loss_networks_ = {"decoder", "encoder"};
  }
  if (inner_latents() < config.latent) {
    std::vector<int32_t> spread(static_cast<size_t>(2 * config.latent), -1);
    int32_t place = 0;
    for (const int64_t latent : config.read_latents) {
      spread[static_cast<size_t>(latent)] = place;
      spread[static_cast<size_t>(config.latent + latent)] =
          place + static_cast<int32_t>(inner_latents());
      ++place;
    }
    spread_heads_ = columns_on(device, spread);
  }
  encoder_.allocate(device);
  decoder_.allocate(device);
  encoder_optimizer_ = std::make_unique<Optimizer>(encoder_, update_rule(), stream());
  decoder_optimizer_ = std::make_unique<Optimizer>(decoder_, update_rule(), stream());
  networks_ = {{"encoder", &encoder_, encoder_optimizer_.get(), nullptr, config.l1_encoder},
               {"decoder", &decoder_, decoder_optimizer_.get(), nullptr, config.l1_decoder}};
  set_penalties();
}

void Vae::initialize(const ImageSet& set) {
  int layer = 0;
  const auto initialize_layer = [&](const Linear& linear, const Parameters& parameters) {
    linear.initialize(parameters, initialization(), config_.seed,
                      stream_of(RandomStream::initial_weights, layer));
    layer += linear.parts();
  };
  for (const Linear& linear : encoder_net_.layers()) initialize_layer(linear, encoder_);
  initialize_layer(heads_, encoder_);
  for (const Linear& linear : decoder_net_.layers()) initialize_layer(linear, decoder_);

  if (config_.output_bias == "data") {
    // Log-odds of the mean image, kept away from 0 and 1: the decoder starts from the best guess
    // that needs no latent.
    std::vector<double> sums(static_cast<size_t>(pixels()), 0.0);
    for (int64_t i = 0; i < set.count; ++i) {
      const uint8_t* image = set.images.data() + i * pixels();
      for (size_t p = 0; p < sums.size(); ++p) sums[p] += image[p];
    }
    std::vector<float> bias;
    for (const double sum : sums) {
      const double mean = std::clamp(sum / (255.0 * static_cast<double>(set.count)), 0.001, 0.999);
      bias.push_back(static_cast<float>(std::log(mean / (1.0 - mean))));
    }
    decoder_.value(decoder_net_.layers().back().bias()).set(bias);
  }
  encoder_optimizer_->measure();
  decoder_optimizer_->measure();
}

StepScalars Vae::scalars_at(int64_t step) const {
  StepScalars scalars{};
  scalars.update[0] = update_scalars_at(step, config_.lr);
  return scalars;
}

Variable Vae::encode(Variable x, bool trainable) {
  const Variable hidden = encoder_net_.forward(tape_, encoder_, x, trainable);
  const Variable heads = heads_.forward(tape_, encoder_, hidden, trainable);
  if (inner_latents() == config_.latent) return heads;
  return ops::select_columns(tape_, heads, spread_heads_.as<int32_t>(), 2 * config_.latent);
}

Variable Vae::decode(Variable z, bool trainable, const ops::DenseOptions& options) {
  return decoder_net_.forward(tape_, decoder_, take_latents(z), trainable, Mlp::Dropout(), options);
}

// Forwards and backwards of a batch.
void Vae::evidence_lower_bound(Variable x, const Tensor& images) {
  const float per_image = 1.0f / static_cast<float>(config_.batch);
  const auto [z, kl] = ops::gaussian_latent(tape_, encode(x, true), per_image,
                                            static_cast<float>(config_.l1_mean) * per_image,
                                            key(RandomStream::reparameterize), beta());
  const Variable logits = decode(z, true);
  const Variable reconstruction = ops::bce_logits(tape_, logits, images, per_image);
  record_loss(0, reconstruction);
  record_loss(1, kl);
  if (config_.l1_reconstruction > 0) {
    const float lambda = static_cast<float>(config_.l1_reconstruction);
    tape_.backward({reconstruction, kl, ops::l1_activity(tape_, logits, lambda * per_image)});
  } else {
    tape_.backward({reconstruction, kl});
  }
}

// The same, each image with k samples: the encoder runs once, the decoder on batch * k rows; and
// with k_backward once more on the rows that the gradient goes back through.
void Vae::importance_weighted(Variable x, const Tensor& images) {
  const float per_image = 1.0f / static_cast<float>(config_.batch);
  const auto estimator = config_.iwae_gradient == "dreg"
                             ? ImportanceEstimator::doubly_reparameterized
                             : ImportanceEstimator::reparameterized;
  const Variable heads = encode(x, true);
  const bool all = config_.k_backward == 0;
  const ops::ImportanceSample sample = ops::importance_sample(
      tape_, all ? heads : tape_.constant(heads.value()), config_.k, estimator, per_image,
      static_cast<float>(config_.l1_mean) * per_image, key(RandomStream::importance));
  const Variable logits = decode(sample.z, all);
  const Variable loss = ops::importance_loss(tape_, logits, images, sample);
  record_loss(0, loss);
  if (!all) {
    const ops::ImportanceSample drawn = ops::importance_resample(
        tape_, heads, sample, config_.k_backward, key(RandomStream::resample));
    tape_.backward(ops::resampled_loss(tape_, decode(drawn.z, true), images, drawn, loss));
  } else if (config_.l1_reconstruction > 0) {
    const float lambda =
        static_cast<float>(config_.l1_reconstruction) / static_cast<float>(config_.k);
    tape_.backward({loss, ops::l1_activity(tape_, logits, lambda * per_image)});
  } else {
    tape_.backward(loss);
  }
}

void Vae::forward_backward_update(const DeviceImages& data) {
  const int64_t batch = config_.batch;
  const Tensor images = tape_.temporary({batch, pixels()});
  Variable x;
  if (config_.pixels == "binarize") {
    BURIN_DISPATCH(device_, batch_binarize, data.images(), data.count(), batch, pixels(),
                   key(RandomStream::batch_order), key(RandomStream::binarize), images.data(),
                   stream());
    x = ops::binary_input(tape_, images);
  } else {
    BURIN_DISPATCH(device_, batch_scale, data.images(), data.count(), batch, pixels(),
                   key(RandomStream::batch_order), 1.0f / 255.0f, 0.0f, images.data(), BatchNoise(),
                   stream());
    x = tape_.constant(images);
  }

  if (config_.objective == "iwae") {
    importance_weighted(x, images);
  } else {
    evidence_lower_bound(x, images);
  }
  clip({&encoder_, &decoder_});
  encoder_optimizer_->step(clock_.update(0));
  decoder_optimizer_->step(clock_.update(0));
}

// The decoder's pixel probabilities.
void Vae::generate_batch(const Tensor& z, const Tensor& out) {
  ops::DenseOptions options;
  options.out = out;
  decode(tape_.constant(z), false, options);
  BURIN_DISPATCH(device_, sigmoid_forward, out.data(), out.data(), out.elements(), stream());
}

std::vector<float> Vae::heads(const std::vector<float>& images) {
  tape_.reset();
  const Tensor x = tape_.temporary({static_cast<int64_t>(images.size()) / pixels(), pixels()});
  x.set(images);
  return encode(tape_.constant(x), false).value().to_host();
}

std::vector<float> Vae::reconstruct(const std::vector<float>& images) {
  const std::vector<float> all = heads(images);
  std::vector<float> means;
  for (auto first = all.begin(); first != all.end(); first += 2 * config_.latent) {
    means.insert(means.end(), first, first + config_.latent);
  }
  return generate(means);
}

RandomKey Vae::evaluation_key(RandomStream stream, int64_t step) {
  const uint64_t number = static_cast<uint64_t>(step);
  copy_to_device_async(device_, evaluation_step_.data(), &number, sizeof number, tape_.stream());
  return RandomKey{kEvaluationSeed, stream_of(stream), evaluation_step_.as<uint64_t>()};
}

void Vae::binarize_for_evaluation(const DeviceImages& set, int64_t first, const Tensor& images) {
  const RandomKey key = evaluation_key(RandomStream::test_binarize, first / kEvaluationBatch);
  BURIN_DISPATCH(device_, gather_binarize, set.images() + first * pixels(), nullptr, images.rows(),
                 pixels(), key, images.data(), tape_.stream());
}

std::vector<float> Vae::posteriors(const DeviceImages& set) {
  std::vector<float> all;
  for (int64_t first = 0; first < set.count(); first += kEvaluationBatch) {
    tape_.reset();
    const Tensor images =
        tape_.temporary({std::min(kEvaluationBatch, set.count() - first), pixels()});
    binarize_for_evaluation(set, first, images);
    const std::vector<float> heads =
        encode(ops::binary_input(tape_, images), false).value().to_host();
    all.insert(all.end(), heads.begin(), heads.end());
  }
  return all;
}

double Vae::elbo(const DeviceImages& set) {
  double total = 0;
  for (int64_t first = 0; first < set.count(); first += kEvaluationBatch) {
    tape_.reset();
    const Tensor images =
        tape_.temporary({std::min(kEvaluationBatch, set.count() - first), pixels()});
    binarize_for_evaluation(set, first, images);
    const auto [z, kl] = ops::gaussian_latent(
        tape_, encode(ops::binary_input(tape_, images), false), 1.0f, 0.0f,
        evaluation_key(RandomStream::test_reparameterize, first / kEvaluationBatch));
    const Variable logits = decode(z, false);
    const Variable reconstruction = ops::bce_logits(tape_, logits, images, 1.0f);
    total -=
        static_cast<double>(reconstruction.value().item()) + static_cast<double>(kl.value().item());
  }
  return total / static_cast<double>(set.count());
}

}  // namespace burin
