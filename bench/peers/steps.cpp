#include "bench/peers/steps.h"

namespace burin::bench {
namespace {

// Weights of a chain of dense layers: multiply-adds of an image that goes forwards.
struct Weights {
  int64_t all = 0;
  int64_t first = 0;  // of the layer that the input meets
};

Weights weights(int64_t input, const std::vector<int64_t>& hidden, int64_t output) {
  Weights sum;
  int64_t in = input;
  for (const int64_t out : hidden) {
    sum.all += in * out;
    in = out;
  }
  sum.all += in * output;
  sum.first = input * (hidden.empty() ? output : hidden.front());
  return sum;
}

}  // namespace

std::vector<NamedStep> named_steps() {
  const Config gan_full = preset_config(ModelKind::gan, "mnist-gan");
  Config gan = gan_full;
  gan.dropout = 0;
  gan.ema = 0;

  Config vae784 = preset_config(ModelKind::vae, "doc000-vae");
  vae784.pixels = "binarize";
  vae784.l1_mean = 0;
  vae784.l1_reconstruction = 0;
  vae784.l1_encoder = 1e-4;
  vae784.l1_decoder = 1e-4;
  Config vae = vae784;
  vae.latent = 20;

  return {{"gan", gan},
          {"gan-full", gan_full},
          {"vae", vae},
          {"vae784", vae784},
          {"mnist-vae", preset_config(ModelKind::vae, "mnist-vae")}};
}

NamedStep find_step(const std::string& name) {
  std::vector<NamedStep> steps = named_steps();
  Config sample = steps.front().config;
  sample.batch = 256;
  steps.push_back({"sample", sample, Work::sample});
  Config evaluate = preset_config(ModelKind::vae, "mnist-vae");
  evaluate.batch = 250;
  steps.push_back({"evaluate", evaluate, Work::evaluate});
  std::string names;
  for (const NamedStep& step : steps) {
    if (step.name == name) return step;
    names += (names.empty() ? "" : ", ") + step.name;
  }
  throw UsageError("no step is called " + name + "; expected " + names);
}

double step_mflop(const Config& config, int64_t pixels) {
  int64_t per_image = 0;  // multiply-adds
  if (config.model == ModelKind::gan) {
    const Weights g = weights(config.latent, config.generator_hidden, pixels);
    const Weights d = weights(pixels, config.discriminator_hidden, 1);
    // The discriminator's turn: two images for each generated one; forwards, gradients of the
    // weights, and of all inputs but the first.
    per_image += g.all + 2 * (3 * d.all - d.first);
    // The generator's: through the discriminator there and back, its weights frozen.
    per_image += 3 * g.all - g.first + 2 * d.all;
  } else {
    const Weights encoder = weights(pixels, config.encoder_hidden, 2 * config.latent);
    const Weights decoder = weights(config.latent, config.decoder_hidden, pixels);
    per_image += 3 * encoder.all - encoder.first + 3 * decoder.all;
  }
  return 2e-6 * static_cast<double>(per_image * config.batch);
}

double step_mflop(const NamedStep& step, int64_t pixels) {
  const Config& config = step.config;
  if (step.work == Work::train) return step_mflop(config, pixels);
  int64_t per_image = 0;
  if (config.model == ModelKind::gan) {
    per_image = weights(config.latent, config.generator_hidden, pixels).all;
  } else {
    per_image = weights(pixels, config.encoder_hidden, 2 * config.latent).all +
                weights(config.latent, config.decoder_hidden, pixels).all;
  }
  return 2e-6 * static_cast<double>(per_image * config.batch);
}

}  // namespace burin::bench
