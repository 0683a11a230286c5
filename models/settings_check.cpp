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

}  // namespace burin
