// Every setting of a training run.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace burin {

enum class ModelKind { gan, vae };

// Words for choices ("prox") stay words here; settings.cpp holds the allowed ones, and what each
// setting means. Settings of the other model are ignored.
struct Config {
  ModelKind model = ModelKind::gan;
  std::string preset;

  std::string data;
  int64_t train_images = 0;  // 0: all
  int64_t hold_out = 0;
  int64_t folds = 0;
  int64_t fold = 0;  // 1 .. folds
  uint64_t split_seed = 1;
  int64_t epochs = 20;
  int64_t steps = 0;  // 0: from epochs
  int64_t batch = 128;
  uint64_t seed = 1;
  std::string device = "auto";
  std::string precision = "fp32";
  std::string gemm = "own";
  int64_t threads = 0;

  std::string optimizer = "adam";
  double lr = 1e-3;
  double lr_discriminator = 0;
  std::string lr_schedule = "constant";
  double lr_warmup = 0;
  double lr_final = 1;
  double decay_from = 0;
  double decay_until = 0;
  double decay_every = 0;
  double momentum = 0.9;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double rho = 0.9;
  double epsilon = 1e-8;
  double weight_decay = 0.01;

  std::string penalty = "l1";
  std::string l1_mode = "prox";
  std::string l2_mode = "coupled";
  double l1_ratio = 0.5;
  std::string l1_layers;
  double l1_warmup = 0;
  std::string l1_schedule = "constant";
  double l1_final = 1;
  double l1_decay_from = 0;
  double l1_decay_until = 0;
  double l1_decay_every = 0;
  double target_zeros = 0;
  double target_epochs = 0;
  double l1_epochs = 0;
  double debias_epochs = 0;
  double l1_cut = 0;
  double l1_cut_from = 0;
  std::string l1_cut_by = "curvature";
  std::string l1_cut_over = "network";
  double l1_generator = 0;
  double l1_discriminator = 0;
  double l1_encoder = 0;
  double l1_decoder = 0;
  double l1_generator_output = 0;
  double l1_discriminator_output = 0;
  double l1_mean = 0;
  double l1_reconstruction = 0;

  int64_t latent = 100;
  std::vector<int64_t> generator_hidden = {128, 256};
  std::vector<int64_t> discriminator_hidden = {256, 256};
  std::vector<int64_t> encoder_hidden = {200, 200};
  std::vector<int64_t> decoder_hidden = {200, 200};
  std::string activation = "leaky_relu";
  double slope = 0.2;
  std::string init = "he";
  std::string init_from;

  std::string gan_loss = "non_saturating";
  std::string fakes = "fresh";
  std::string generator_output = "tanh";
  double real_label = 1;
  double dropout = 0;
  double ema = 0;

  double clip_norm = 0;

  std::string objective = "elbo";
  std::string iwae_gradient = "iwae";
  int64_t k = 50;
  int64_t k_backward = 0;
  double beta = 1;
  double beta_warmup = 0;
  int64_t early_stop = 0;
  std::string pixels = "binarize";
  std::string output_bias = "data";

  int64_t log_every = 100;
  double sample_every = 1;
  double checkpoint_every = 1;

  // No settings: of a compact model (models/compact.h), which is built and not trained. The columns
  // of the latent vector that it reads, rising; a GAN has no discriminator worth the name.
  bool compact = false;
  std::vector<int64_t> read_latents;
};

const char* model_name(ModelKind model);

// What a wrong setting raises; the command turns it into exit code 2.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// One setting: the same table serves the configuration file, the command line and their messages.
struct SettingInfo {
  std::string key;  // "l1_generator"; on the command line --l1-generator
  std::string help;
  bool gan = true;  // which models know it
  bool vae = true;
};
const std::vector<SettingInfo>& settings();

// Sets `key` from text (command line) or JSON (file). `where` begins the message of a UsageError:
// what was wrong, and what was expected. "l1" stands for the penalty on what is shipped: the
// generator of a GAN, encoder and decoder of a VAE.
void set_from_text(Config& config, const std::string& key, const std::string& text,
                   const std::string& where);
void set_from_json(Config& config, const std::string& key, const nlohmann::json& value,
                   const std::string& where);

// All settings that the model knows, "model" and "preset" included, and back. from_json starts from
// `base`; unknown keys are errors.
nlohmann::json to_json(const Config& config);
void apply_json(Config& config, const nlohmann::json& object, const std::string& where);

// Throws UsageError for settings that contradict one another.
void check_settings(const Config& config);
// debias_epochs, which counts from the run's end, as l1_epochs, which counts from its begin: so a
// run that is resumed to go on for longer keeps its zeros from where they were frozen. Throws
// UsageError.
void resolve_debiasing(Config& config);
// l1_layers: lambda by layer ("decoder.0"), in the order given. Throws UsageError.
std::vector<std::pair<std::string, double>> layer_lambdas(const Config& config);

// Presets: presets.cpp.
struct PresetInfo {
  std::string name;
  ModelKind model;
  std::string help;
};
const std::vector<PresetInfo>& presets();
// Throws UsageError naming the presets of the model.
Config preset_config(ModelKind model, const std::string& name);
const char* default_preset(ModelKind model);

}  // namespace burin
