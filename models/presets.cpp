// Named settings. docs/sources.md says where the documents' settings come from and what was
// corrected.
#include <fmt/format.h>

#include "models/config.h"

namespace burin {
namespace {

// Document 000: z100 -> 128 -> 256 -> 784 and 784 -> 256 -> 256 -> 1, leaky ReLU 0.2, Adam 2e-4,
// batch 128, 1000 epochs, TensorFlow's default initialisation (Glorot uniform). Its L1, 0.01, is on
// the outputs of both networks.
Config doc000_gan() {
  Config config;
  config.model = ModelKind::gan;
  config.epochs = 1000;
  config.batch = 128;
  config.lr = 2e-4;
  config.latent = 100;
  config.generator_hidden = {128, 256};
  config.discriminator_hidden = {256, 256};
  config.init = "xavier";
  config.generator_output = "sigmoid";
  config.l1_generator_output = 0.01;
  config.l1_discriminator_output = 0.01;
  return config;
}

// Document 003: L1, 0.01, on the generator's weights, rate 1e-3, batch 64; networks left open, so
// those of document 000.
Config doc003_gan() {
  Config config = doc000_gan();
  config.l1_generator_output = 0;
  config.l1_discriminator_output = 0;
  config.lr = 1e-3;
  config.batch = 64;
  config.l1_generator = 0.01;
  return config;
}

// Document 000: 784 -> 128 -> 256 -> (784, 784) and z784 -> 256 -> 128 -> 784; L1, 0.01, on the
// latent means and on the reconstruction; grey pixels.
Config doc000_vae() {
  Config config;
  config.model = ModelKind::vae;
  config.epochs = 1000;
  config.batch = 128;
  config.lr = 2e-4;
  config.latent = 784;
  config.encoder_hidden = {128, 256};
  config.decoder_hidden = {256, 128};
  config.init = "xavier";
  config.pixels = "grey";
  config.output_bias = "zero";
  config.l1_mean = 0.01;
  config.l1_reconstruction = 0.01;
  return config;
}

// The same networks, and what makes them learn: docs/quality.md.
Config mnist_gan() {
  Config config = doc000_gan();
  config.epochs = 40;
  config.lr = 1e-3;
  config.lr_schedule = "linear";
  config.decay_from = 15;
  config.decay_until = 40;
  config.lr_final = 0.1;
  config.init = "he";
  config.generator_output = "tanh";
  config.beta1 = 0.5;
  config.dropout = 0.3;
  config.real_label = 0.9;
  config.ema = 0.999;
  config.l1_generator_output = 0;
  config.l1_discriminator_output = 0;
  config.l1_generator = 2e-5;
  config.l1_epochs = 15;
  return config;
}

// Twice as wide, and dense.
Config mnist_gan_large() {
  Config config = mnist_gan();
  config.epochs = 50;
  config.decay_until = 50;
  config.generator_hidden = {256, 512};
  config.discriminator_hidden = {512, 256};
  config.l1_generator = 0;
  config.l1_epochs = 0;
  return config;
}

// 784-200-200-50, as Burda et al. 2016.
Config mnist_vae() {
  Config config;
  config.model = ModelKind::vae;
  config.epochs = 20;
  config.batch = 100;
  config.lr = 2e-3;
  config.lr_schedule = "cosine";
  config.decay_until = 20;
  config.lr_final = 0.02;
  config.latent = 50;
  config.activation = "tanh";
  config.init = "xavier";
  return config;
}

// L1 moves what matters into few weights; then the smallest go and the rest trains on without
// penalty, which takes back what shrinking had cost. docs/quality.md has the figures.
Config mnist_vae_sparse() {
  Config config = mnist_vae();
  config.l1_encoder = 1e-3;
  config.l1_decoder = 1e-3;
  config.l1_epochs = 8;
  config.l1_cut = 0.8;
  return config;
}

// A generator twice as wide again, of whose weights fewer are left than that one has: zeros are
// cheap where there is much to choose from. docs/study.md has what they cost.
Config mnist_gan_sparse() {
  Config config = mnist_gan_large();
  config.generator_hidden = {512, 1024};
  config.l1_generator = 3e-5;
  config.l1_epochs = 20;
  config.l1_cut_from = 3;
  config.l1_cut = 0.85;
  return config;
}

struct Preset {
  PresetInfo info;
  Config (*make)();
};

const std::vector<Preset>& table() {
  static const std::vector<Preset> list = {
      {{"mnist-gan", ModelKind::gan, "the default: document 000's networks, settings that learn"},
       mnist_gan},
      {{"mnist-gan-large", ModelKind::gan, "mnist-gan, twice as wide and without L1"},
       mnist_gan_large},
      {{"mnist-gan-sparse", ModelKind::gan,
        "a wider generator with L1: 85 % of its weights exactly zero, the rest fewer than "
        "mnist-gan-large has"},
       mnist_gan_sparse},
      {{"doc000-gan", ModelKind::gan, "document 000's settings, slips corrected"}, doc000_gan},
      {{"doc003-gan", ModelKind::gan, "document 003's settings, slips corrected"}, doc003_gan},
      {{"mnist-vae", ModelKind::vae, "the default: 784-200-200-50, dynamic binarisation"},
       mnist_vae},
      {{"mnist-vae-sparse", ModelKind::vae, "mnist-vae with L1: 80 % of the weights exactly zero"},
       mnist_vae_sparse},
      {{"doc000-vae", ModelKind::vae, "document 000's settings, slips corrected"}, doc000_vae},
  };
  return list;
}

}  // namespace

const std::vector<PresetInfo>& presets() {
  static const std::vector<PresetInfo> infos = [] {
    std::vector<PresetInfo> list;
    for (const Preset& preset : table()) list.push_back(preset.info);
    return list;
  }();
  return infos;
}

Config preset_config(ModelKind model, const std::string& name) {
  std::string known;
  for (const Preset& preset : table()) {
    if (preset.info.model != model) continue;
    if (preset.info.name == name) {
      Config config = preset.make();
      config.preset = name;
      return config;
    }
    known += (known.empty() ? "" : ", ") + preset.info.name;
  }
  throw UsageError(fmt::format("--preset: {} is not a preset of the {}; expected {}", name,
                               model_name(model), known));
}

const char* default_preset(ModelKind model) {
  return model == ModelKind::gan ? "mnist-gan" : "mnist-vae";
}

}  // namespace burin
