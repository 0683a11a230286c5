// What settings must be together.
#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "models/config.h"

namespace burin {
namespace {

// A setting that is read under another one alone, and says something else than its default.
void expect_read(const char* key, const std::string& value, const std::string& fallback,
                 const char* under, const std::string& is, const char* expected) {
  if (value == fallback || is == expected) return;
  throw UsageError(fmt::format("{} is {}, which is read with {} {} alone; {} is {}", key, value,
                               under, expected, under, is));
}

bool makes_zeros(const Config& config) {
  if (config.penalty == "l1") return config.l1_mode != "subgradient";
  if (config.penalty == "elastic_net") return config.l1_ratio > 0;
  return config.penalty == "group_lasso";
}

bool penalises_weights(const Config& config) {
  for (const auto& [layer, lambda] : layer_lambdas(config)) {
    if (lambda > 0) return true;
  }
  return config.model == ModelKind::gan ? config.l1_generator > 0 || config.l1_discriminator > 0
                                        : config.l1_encoder > 0 || config.l1_decoder > 0;
}

void check_target(const Config& config) {
  if (config.target_zeros == 0) {
    if (config.target_epochs == 0) return;
    throw UsageError(
        fmt::format("target_epochs is {}, which is read with target_zeros alone, and that is 0",
                    config.target_epochs));
  }
  const std::string target = fmt::format("target_zeros is {}, but ", config.target_zeros);
  if (!makes_zeros(config)) {
    throw UsageError(fmt::format("{}penalty {}{} makes no zeros", target, config.penalty,
                                 config.penalty == "l1" ? " in l1_mode subgradient" : ""));
  }
  if (!penalises_weights(config)) {
    throw UsageError(target +
                     "no lambda of weights is above 0; expected one to begin with: --l1 1e-3");
  }
  if (config.target_epochs == 0) {
    throw UsageError(target +
                     "target_epochs is 0; expected the epoch by which it is to be "
                     "reached: --target-epochs, three quarters of the run, say");
  }
  if (config.l1_epochs > 0 && config.target_epochs > config.l1_epochs) {
    throw UsageError(fmt::format("target_epochs is {}, but L1 ends at epoch {} (l1_epochs)",
                                 config.target_epochs, config.l1_epochs));
  }
}

void check_fall_of_lambda(const Config& config) {
  const std::string& kind = config.l1_schedule;
  if (kind == "constant") {
    if (config.l1_final == 1) return;
    throw UsageError(
        fmt::format("l1_final is {}, but l1_schedule is constant; expected linear, cosine or step",
                    config.l1_final));
  }
  if (kind == "step" || config.l1_decay_until > config.l1_decay_from) return;
  throw UsageError(
      fmt::format("l1_schedule is {}, from epoch {} until {}; expected l1_decay_until after "
                  "l1_decay_from",
                  kind, config.l1_decay_from, config.l1_decay_until));
}

void check_cut(const Config& config) {
  if (config.l1_cut == 0) {
    std::string set;
    if (config.l1_cut_from != 0) set = fmt::format("l1_cut_from is {}", config.l1_cut_from);
    if (config.l1_cut_by != "curvature") set = "l1_cut_by is " + config.l1_cut_by;
    if (config.l1_cut_over != "network") set = "l1_cut_over is " + config.l1_cut_over;
    if (set.empty()) return;
    throw UsageError(set + ", which is read with l1_cut alone, and that is 0");
  }
  const double end = config.debias_epochs > 0
                         ? static_cast<double>(config.epochs) - config.debias_epochs
                         : config.l1_epochs;
  if (end == 0) {
    throw UsageError(fmt::format(
        "l1_cut is {}, but l1_epochs is 0: L1 never ends; expected the epoch of the cut",
        config.l1_cut));
  }
  if (config.l1_cut_from > 0 && config.l1_cut_from >= end) {
    throw UsageError(fmt::format("l1_cut_from is {}, but L1 ends at epoch {} (l1_epochs)",
                                 config.l1_cut_from, end));
  }
}

void check_split_settings(const Config& config) {
  if (config.folds > 0 && config.hold_out > 0) {
    throw UsageError(fmt::format("folds is {} and hold_out is {}; give one of the two",
                                 config.folds, config.hold_out));
  }
  if (config.folds == 1) throw UsageError("folds is 1, expected at least 2, or 0 for none");
  if (config.fold > config.folds || (config.folds > 0 && config.fold == 0)) {
    throw UsageError(fmt::format(
        "fold is {}, expected {}", config.fold,
        config.folds == 0 ? "0, as folds is 0" : fmt::format("1 to folds, {}", config.folds)));
  }
}

}  // namespace

std::vector<std::pair<std::string, double>> layer_lambdas(const Config& config) {
  std::vector<std::pair<std::string, double>> list;
  const std::string& text = config.l1_layers;
  for (size_t begin = 0; begin < text.size();) {
    const size_t comma = std::min(text.find(',', begin), text.size());
    const std::string entry = text.substr(begin, comma - begin);
    const size_t sign = entry.find('=');
    double lambda = 0;
    bool good = sign != std::string::npos && sign > 0 && comma + 1 != text.size();
    if (good) {
      const char* end = entry.data() + entry.size();
      const auto [rest, error] = std::from_chars(entry.data() + sign + 1, end, lambda);
      good = error == std::errc() && rest == end && std::isfinite(lambda) && lambda >= 0;
    }
    if (!good) {
      throw UsageError(fmt::format(
          "l1_layers has '{}', expected LAYER=LAMBDA, separated by commas: decoder.0=1e-3", entry));
    }
    list.emplace_back(entry.substr(0, sign), lambda);
    begin = comma + 1;
  }
  return list;
}

void check_settings(const Config& config) {
  const Config fallback;
  expect_read("l1_mode", config.l1_mode, fallback.l1_mode, "penalty", config.penalty, "l1");
  expect_read("l2_mode", config.l2_mode, fallback.l2_mode, "penalty", config.penalty, "l2");
  const auto text = [](double value) { return fmt::format("{}", value); };
  expect_read("l1_ratio", text(config.l1_ratio), text(fallback.l1_ratio), "penalty", config.penalty,
              "elastic_net");
  expect_read("weight_decay", text(config.weight_decay), text(fallback.weight_decay), "optimizer",
              config.optimizer, "adamw");
  layer_lambdas(config);
  expect_read("k", std::to_string(config.k), std::to_string(fallback.k), "objective",
              config.objective, "iwae");
  expect_read("iwae_gradient", config.iwae_gradient, fallback.iwae_gradient, "objective",
              config.objective, "iwae");
  expect_read("k_backward", std::to_string(config.k_backward), std::to_string(fallback.k_backward),
              "objective", config.objective, "iwae");
  if (config.k_backward > config.k) {
    throw UsageError(
        fmt::format("k_backward is {}; expected at most k, {}", config.k_backward, config.k));
  }
  // The penalty counts each sample alike, and its gradient comes to the encoder by way of z, where
  // these weigh samples.
  if (config.l1_reconstruction > 0 && (config.iwae_gradient == "dreg" || config.k_backward > 0)) {
    throw UsageError(
        fmt::format("l1_reconstruction is {}, but iwae_gradient is {} and k_backward {}; expected "
                    "l1_reconstruction 0, or iwae_gradient iwae and k_backward 0",
                    config.l1_reconstruction, config.iwae_gradient, config.k_backward));
  }
  expect_read("beta", text(config.beta), text(fallback.beta), "objective", config.objective,
              "elbo");
  expect_read("beta_warmup", text(config.beta_warmup), text(fallback.beta_warmup), "objective",
              config.objective, "elbo");
  if (config.early_stop > 0 && config.hold_out == 0 && config.folds == 0) {
    throw UsageError(fmt::format(
        "early_stop is {}, but hold_out and folds are 0; expected training images to judge by: "
        "--hold-out 5000",
        config.early_stop));
  }
  check_split_settings(config);
  check_fall_of_lambda(config);
  check_target(config);
  check_cut(config);
}

void resolve_debiasing(Config& config) {
  if (config.debias_epochs == 0) return;
  if (config.steps > 0) {
    throw UsageError(
        fmt::format("debias_epochs is {}: it counts from the end of epochs, but steps is {}; "
                    "expected l1_epochs, where L1 ends",
                    config.debias_epochs, config.steps));
  }
  const auto epochs = static_cast<double>(config.epochs);
  if (config.debias_epochs >= epochs) {
    throw UsageError(fmt::format("debias_epochs is {}, expected less than epochs, {}",
                                 config.debias_epochs, config.epochs));
  }
  config.l1_epochs = epochs - config.debias_epochs;
  config.debias_epochs = 0;
}

}  // namespace burin
