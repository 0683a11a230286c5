// The table of settings, and reading them from text and JSON.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <variant>

#include "models/config.h"

namespace burin {
namespace {

using nlohmann::json;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr unsigned kGan = 1;
constexpr unsigned kVae = 2;
constexpr unsigned kBoth = kGan | kVae;

using Member = std::variant<std::string Config::*, double Config::*, int64_t Config::*,
                            uint64_t Config::*, std::vector<int64_t> Config::*>;

struct Row {
  const char* key;
  unsigned models;
  Member member;
  const char* help;
  std::vector<const char*> choices = {};  // of a word
  double least = 0;                       // of a number, or of each number in a list
  double most = kInfinity;
  bool above_least = false;  // `least` itself is not allowed
  bool below_most = false;
};

const std::vector<Row>& rows() {
  static const std::vector<Row> table = {
      {"data", kBoth, &Config::data, "directory with the four IDX files (plain or gzip)"},
      {"epochs", kBoth, &Config::epochs, "passes over the training set, in total", {}, 1, 1e6},
      {"steps", kBoth, &Config::steps, "training steps, in total; 0: from epochs", {}, 0, 1e12},
      {"batch", kBoth, &Config::batch, "images a step", {}, 1, 1e6},
      {"seed", kBoth, &Config::seed, "seed of all random numbers", {}, 0, 1.8e19},
      {"device", kBoth, &Config::device, "where to train", {"auto", "cpu", "cuda"}},
      {"precision",
       kBoth,
       &Config::precision,
       "what factors of matrix products are rounded to on the GPU; weights and sums stay fp32",
       {"fp32", "tf32", "bf16"}},
      {"gemm",
       kBoth,
       &Config::gemm,
       "matrix products on the GPU: own kernels (the same bits everywhere), cublas, or auto (what "
       "is fastest on this card, measured once)",
       {"own", "cublas", "auto"}},
      {"threads", kBoth, &Config::threads, "CPU threads; 0: as many as help", {}, 0, 1024},
      {"optimizer", kBoth, &Config::optimizer, "optimiser", {"adam", "momentum", "sgd"}},
      {"lr", kBoth, &Config::lr, "learning rate", {}, 0, 1e30, true},
      {"lr_discriminator",
       kGan,
       &Config::lr_discriminator,
       "learning rate of the discriminator; 0: the same",
       {},
       0,
       1e30},
      {"lr_schedule",
       kBoth,
       &Config::lr_schedule,
       "how the learning rate falls between decay_from and decay_until",
       {"constant", "linear", "cosine"}},
      {"lr_final",
       kBoth,
       &Config::lr_final,
       "the fraction of the learning rate it falls to",
       {},
       0,
       1},
      {"decay_from", kBoth, &Config::decay_from, "epoch at which the learning rate begins to fall"},
      {"decay_until", kBoth, &Config::decay_until,
       "epoch from which the learning rate stays; independent of epochs, so that a run may be "
       "stopped and resumed anywhere"},
      {"momentum", kBoth, &Config::momentum, "of the momentum optimiser", {}, 0, 1, false, true},
      {"beta1", kBoth, &Config::beta1, "of Adam", {}, 0, 1, false, true},
      {"beta2", kBoth, &Config::beta2, "of Adam", {}, 0, 1, false, true},
      {"epsilon", kBoth, &Config::epsilon, "of Adam", {}, 0, 1, true},
      {"l1_mode",
       kBoth,
       &Config::l1_mode,
       "how L1 acts on weights: prox gives exact zeros of the penalised objective",
       {"prox", "decoupled", "subgradient"}},
      {"l1_epochs", kBoth, &Config::l1_epochs,
       "epochs with L1; after them the zeros stay and the other weights train on without it (0: to "
       "the end)"},
      {"l1_cut",
       kBoth,
       &Config::l1_cut,
       "when L1 ends (l1_epochs), the smallest weights of each penalised network become zero too, "
       "until this fraction of them is zero; 0: none",
       {},
       0,
       1,
       false,
       true},
      {"l1_generator", kGan, &Config::l1_generator, "lambda of the generator's weights"},
      {"l1_discriminator", kGan, &Config::l1_discriminator,
       "lambda of the discriminator's weights"},
      {"l1_generator_output", kGan, &Config::l1_generator_output,
       "lambda of the generated images' mean L1 norm"},
      {"l1_discriminator_output", kGan, &Config::l1_discriminator_output,
       "lambda of the discriminator's mean absolute output"},
      {"l1_encoder", kVae, &Config::l1_encoder, "lambda of the encoder's weights"},
      {"l1_decoder", kVae, &Config::l1_decoder, "lambda of the decoder's weights"},
      {"l1_mean", kVae, &Config::l1_mean, "lambda of the latent means' mean L1 norm"},
      {"l1_reconstruction", kVae, &Config::l1_reconstruction,
       "lambda of the reconstruction logits' mean L1 norm"},
      {"latent", kBoth, &Config::latent, "size of the latent vector", {}, 1, 65536},
      {"generator_hidden", kGan, &Config::generator_hidden, "hidden layer sizes", {}, 1, 65536},
      {"discriminator_hidden",
       kGan,
       &Config::discriminator_hidden,
       "hidden layer sizes",
       {},
       1,
       65536},
      {"encoder_hidden", kVae, &Config::encoder_hidden, "hidden layer sizes", {}, 1, 65536},
      {"decoder_hidden", kVae, &Config::decoder_hidden, "hidden layer sizes", {}, 1, 65536},
      {"activation",
       kBoth,
       &Config::activation,
       "of hidden layers",
       {"leaky_relu", "tanh", "sigmoid"}},
      {"slope", kBoth, &Config::slope, "of leaky ReLU for negative inputs", {}, 0, 1, true},
      {"init", kBoth, &Config::init, "initial weights", {"he", "xavier"}},
      {"gan_loss", kGan, &Config::gan_loss, "the generator's loss", {"non_saturating", "minimax"}},
      {"fakes",
       kGan,
       &Config::fakes,
       "images that the generator is trained on: fresh ones, or those that the discriminator has "
       "just seen (reuse: a tenth less work, another algorithm)",
       {"fresh", "reuse"}},
      {"generator_output",
       kGan,
       &Config::generator_output,
       "output activation; images are scaled to its range",
       {"tanh", "sigmoid"}},
      {"real_label",
       kGan,
       &Config::real_label,
       "the discriminator's target for real images (under 1: one-sided label smoothing)",
       {},
       0,
       1,
       true},
      {"dropout",
       kGan,
       &Config::dropout,
       "rate in the discriminator's hidden layers",
       {},
       0,
       1,
       false,
       true},
      {"ema",
       kGan,
       &Config::ema,
       "decay of the running average of the generator that pictures are made with; 0: none",
       {},
       0,
       1,
       false,
       true},
      {"pixels",
       kVae,
       &Config::pixels,
       "binarize: each pixel is drawn anew at each step with its grey value as probability; grey: "
       "the value itself",
       {"binarize", "grey"}},
      {"output_bias",
       kVae,
       &Config::output_bias,
       "initial bias of the last layer: log-odds of the mean image, or zero",
       {"data", "zero"}},
      {"log_every", kBoth, &Config::log_every, "steps between lines of metrics.jsonl", {}, 1, 1e9},
      {"sample_every", kBoth, &Config::sample_every, "epochs between picture grids; 0: at the end"},
      {"checkpoint_every", kBoth, &Config::checkpoint_every,
       "epochs between checkpoints; 0: at the end"},
  };
  return table;
}

bool knows(const Row& row, ModelKind model) {
  return (row.models & (model == ModelKind::gan ? kGan : kVae)) != 0;
}

std::string expected(const Row& row) {
  if (!row.choices.empty()) return fmt::format("{}", fmt::join(row.choices, ", "));
  if (std::holds_alternative<std::string Config::*>(row.member)) return "a text";
  const bool whole = !std::holds_alternative<double Config::*>(row.member);
  const bool list = std::holds_alternative<std::vector<int64_t> Config::*>(row.member);
  std::string text = list ? "whole numbers, each" : whole ? "a whole number" : "a number";
  text += fmt::format("{} {}", row.above_least ? " above" : " of at least", row.least);
  if (row.below_most) text += fmt::format(" and below {}", row.most);
  if (!row.below_most && row.most <= 1e6) text += fmt::format(" and at most {}", row.most);
  return text;
}

[[noreturn]] void refuse(const Row& row, const std::string& value, const std::string& where) {
  throw UsageError(fmt::format("{}: {} is {}, expected {}", where, row.key,
                               value.empty() ? "empty" : value, expected(row)));
}

// Texts go into config.json, and JSON is UTF-8.
bool is_utf8(const std::string& text) {
  const json value = text;
  return value.dump(-1, ' ', false, json::error_handler_t::ignore) ==
         value.dump(-1, ' ', false, json::error_handler_t::replace);
}

bool in_range(const Row& row, double value) {
  return (row.above_least ? value > row.least : value >= row.least) &&
         (row.below_most ? value < row.most : value <= row.most) && std::isfinite(value);
}

const Row& find(const Config& config, const std::string& key, const std::string& where) {
  for (const Row& row : rows()) {
    if (row.key != key) continue;
    if (knows(row, config.model)) return row;
    throw UsageError(
        fmt::format("{}: {} is not a setting of the {}", where, key, model_name(config.model)));
  }
  throw UsageError(fmt::format("{}: unknown setting {}; `burin train {} --help` lists them", where,
                               key, model_name(config.model)));
}

template <class Number>
bool parse(const std::string& text, Number& number) {
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && rest == end;
}

bool parse_list(const std::string& text, std::vector<int64_t>& list) {
  size_t begin = 0;
  while (begin <= text.size()) {
    const size_t comma = std::min(text.find(',', begin), text.size());
    int64_t number = 0;
    if (!parse(text.substr(begin, comma - begin), number)) return false;
    list.push_back(number);
    begin = comma + 1;
  }
  return true;
}

std::vector<std::string> alias(const Config& config, const std::string& key) {
  if (key != "l1") return {key};
  if (config.model == ModelKind::gan) return {"l1_generator"};
  return {"l1_encoder", "l1_decoder"};
}

void set_row_from_text(Config& config, const Row& row, const std::string& text,
                       const std::string& where) {
  std::visit(
      [&](auto member) {
        auto& field = config.*member;
        using Field = std::remove_reference_t<decltype(field)>;
        Field value{};
        if constexpr (std::is_same_v<Field, std::string>) {
          value = text;
          const bool allowed =
              row.choices.empty() ||
              std::find(row.choices.begin(), row.choices.end(), text) != row.choices.end();
          if (!is_utf8(text)) refuse(row, "not UTF-8", where);
          if (!allowed || text.empty()) refuse(row, text, where);
        } else if constexpr (std::is_same_v<Field, std::vector<int64_t>>) {
          if (!parse_list(text, value)) refuse(row, text, where);
          for (const int64_t number : value) {
            if (!in_range(row, static_cast<double>(number))) refuse(row, text, where);
          }
        } else {
          if (!parse(text, value) || !in_range(row, static_cast<double>(value))) {
            refuse(row, text, where);
          }
        }
        field = value;
      },
      row.member);
}

// JSON values take the way of text, so that both have the same checks.
std::string text_of(const Row& row, const json& value, const std::string& where) {
  const bool word = std::holds_alternative<std::string Config::*>(row.member);
  const bool list = std::holds_alternative<std::vector<int64_t> Config::*>(row.member);
  if (word && value.is_string()) return value.get<std::string>();
  if (list && value.is_array() && !value.empty()) {
    std::string text;
    for (const json& number : value) {
      if (!number.is_number_integer()) refuse(row, value.dump(), where);
      if (!text.empty()) text += ',';
      text += number.dump();
    }
    return text;
  }
  if (!word && !list && value.is_number()) return value.dump();
  refuse(row, value.dump(), where);
}

}  // namespace

const char* model_name(ModelKind model) {
  return model == ModelKind::gan ? "gan" : "vae";
}

const std::vector<SettingInfo>& settings() {
  static const std::vector<SettingInfo> infos = [] {
    std::vector<SettingInfo> list;
    for (const Row& row : rows()) {
      std::string help = row.help;
      if (!row.choices.empty()) help += fmt::format(": {}", fmt::join(row.choices, ", "));
      list.push_back({row.key, help, (row.models & kGan) != 0, (row.models & kVae) != 0});
    }
    list.push_back({"l1",
                    "lambda of the weights of what is shipped: generator; encoder and decoder",
                    true, true});
    return list;
  }();
  return infos;
}

void set_from_text(Config& config, const std::string& key, const std::string& text,
                   const std::string& where) {
  for (const std::string& name : alias(config, key)) {
    set_row_from_text(config, find(config, name, where), text, where);
  }
}

void set_from_json(Config& config, const std::string& key, const json& value,
                   const std::string& where) {
  for (const std::string& name : alias(config, key)) {
    const Row& row = find(config, name, where);
    set_row_from_text(config, row, text_of(row, value, where), where);
  }
}

json to_json(const Config& config) {
  json object = json::object();
  object["model"] = model_name(config.model);
  object["preset"] = config.preset;
  for (const Row& row : rows()) {
    if (!knows(row, config.model)) continue;
    std::visit([&](auto member) { object[row.key] = config.*member; }, row.member);
    // A text that was never set is left out: as a value it would be refused.
    if (object[row.key] == "") object.erase(row.key);
  }
  return object;
}

void apply_json(Config& config, const json& object, const std::string& where) {
  if (!object.is_object()) {
    throw UsageError(fmt::format("{}: expected a JSON object of settings", where));
  }
  if (object.contains("model") && object["model"] != model_name(config.model)) {
    throw UsageError(fmt::format("{}: model is {}, but a {} is to be trained", where,
                                 object["model"].dump(), model_name(config.model)));
  }
  for (const auto& [key, value] : object.items()) {
    if (key == "model") continue;
    if (key == "preset") {
      if (!value.is_string()) throw UsageError(fmt::format("{}: preset must be a text", where));
      config.preset = value.get<std::string>();
      continue;
    }
    set_from_json(config, key, value, where);
  }
}

}  // namespace burin
