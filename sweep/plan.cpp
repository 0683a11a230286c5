#include "sweep/plan.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "engine/io/error.h"
#include "engine/io/files.h"
#include "sweep/sealed_json.h"

namespace burin {

using nlohmann::json;
namespace fs = std::filesystem;

std::vector<double> parse_lambdas(const std::vector<std::string>& texts) {
  std::vector<double> lambdas;
  for (const std::string& text : texts) {
    double lambda = 0;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, lambda);
    if (error != std::errc() || rest != end || !std::isfinite(lambda) || lambda < 0) {
      throw UsageError(
          fmt::format("--l1: {} is no lambda, expected numbers of at least 0, as in "
                      "0,3e-4,1e-3",
                      in_quotes(text)));
    }
    lambda += 0.0;  // -0
    if (std::find(lambdas.begin(), lambdas.end(), lambda) != lambdas.end()) {
      throw UsageError(fmt::format("--l1: {} is given twice", lambda));
    }
    lambdas.push_back(lambda);
  }
  if (lambdas.empty()) throw UsageError("--l1: no lambda is given, expected some: 0,3e-4,1e-3");
  return lambdas;
}

void check_plan(const SweepPlan& plan) {
  if (plan.seeds < 1) {
    throw UsageError(fmt::format("--seeds is {}, expected at least 1", plan.seeds));
  }
  for (auto penalty = plan.penalties.begin(); penalty != plan.penalties.end(); ++penalty) {
    if (std::find(plan.penalties.begin(), penalty, *penalty) != penalty) {
      throw UsageError(fmt::format("--penalty: {} is given twice", *penalty));
    }
  }
  for (const SweepCell& cell : cells_of(plan)) check_settings(config_of(plan, cell, ""));
}

std::vector<SweepCell> cells_of(const SweepPlan& plan) {
  std::vector<SweepCell> cells;
  const int64_t folds = std::max<int64_t>(plan.base.folds, 1);
  for (int64_t number = 0; number < plan.seeds; ++number) {
    for (int64_t fold = 1; fold <= folds; ++fold) {
      for (const std::string& penalty : plan.penalties) {
        std::string previous;
        for (const double lambda : plan.lambdas) {
          SweepCell cell = {"",
                            penalty,
                            lambda,
                            plan.base.seed + static_cast<uint64_t>(number),
                            plan.base.folds > 0 ? fold : 0,
                            plan.warm_start ? previous : ""};
          cell.name = fmt::format("{}-{}-seed{}", penalty, lambda, cell.seed);
          if (cell.fold > 0) cell.name += fmt::format("-fold{}", cell.fold);
          previous = cell.name;
          cells.push_back(cell);
        }
      }
    }
  }
  return cells;
}

Config config_of(const SweepPlan& plan, const SweepCell& cell, const std::string& directory) {
  const Config fallback;
  Config config = plan.base;
  set_from_text(config, "penalty", cell.penalty, "--penalty");
  set_from_json(config, "l1", cell.lambda, "--l1");
  // Where penalties are compared, each has what is its own.
  if (plan.penalties.size() > 1 && cell.penalty != "l1") config.l1_mode = fallback.l1_mode;
  if (plan.penalties.size() > 1 && cell.penalty != "l2") config.l2_mode = fallback.l2_mode;
  if (plan.penalties.size() > 1 && cell.penalty != "elastic_net") {
    config.l1_ratio = fallback.l1_ratio;
  }
  config.seed = cell.seed;
  config.fold = cell.fold;
  if (!cell.previous.empty()) {
    config.init_from = (fs::path(directory) / "cells" / cell.previous).string();
  }
  return config;
}

json to_json(const SweepPlan& plan) {
  return {{"format", kPlanFormat},
          {"settings", to_json(plan.base)},
          {"penalties", plan.penalties},
          {"lambdas", plan.lambdas},
          {"seeds", plan.seeds},
          {"warm_start", plan.warm_start},
          {"metrics", plan.metrics},
          {"score_images", plan.score_images},
          {"score_count", plan.score_count},
          {"score_k", plan.score_k},
          {"data_hash", plan.data_hash}};
}

SweepPlan plan_from_json(const json& object, const std::string& where) {
  SweepPlan plan;
  try {
    const json& settings = object.at("settings");
    plan.base.model = settings.at("model") == "vae" ? ModelKind::vae : ModelKind::gan;
    apply_json(plan.base, settings, "settings");
    object.at("penalties").get_to(plan.penalties);
    object.at("lambdas").get_to(plan.lambdas);
    object.at("seeds").get_to(plan.seeds);
    object.at("warm_start").get_to(plan.warm_start);
    object.at("metrics").get_to(plan.metrics);
    object.at("score_images").get_to(plan.score_images);
    object.at("score_count").get_to(plan.score_count);
    object.at("score_k").get_to(plan.score_k);
    object.at("data_hash").get_to(plan.data_hash);
  } catch (const UsageError& fault) {
    throw Error(fmt::format("{}: {}", where, fault.what()));
  } catch (const json::exception&) {
    throw Error(fmt::format("{} is damaged: a key is missing, or of another type", where));
  }
  return plan;
}

namespace {

std::string plan_path(const std::string& directory) {
  return (fs::path(directory) / "plan.json").string();
}

// Whether a cell has.
bool has_begun(const std::string& directory) {
  const fs::path cells = fs::path(directory) / "cells";
  return fs::exists(cells) && !fs::is_empty(cells);
}

// The first key at which the plans differ: "lambdas is [0.0] there, [0.1] here".
std::string difference(const json& there, const json& here) {
  for (const auto& [key, value] : here.items()) {
    const json other = there.value(key, json());
    if (other == value) continue;
    if (key == "settings" && other.is_object()) return difference(other, value);
    return fmt::format("{} is {} there, {} here", key, other.dump(), value.dump());
  }
  for (const auto& [key, value] : there.items()) {
    if (!here.contains(key)) return fmt::format("{} is {} there, not set here", key, value.dump());
  }
  return "";
}

}  // namespace

void store_plan(const SweepPlan& plan, const std::string& directory) {
  const std::string path = plan_path(directory);
  if (fs::exists(path)) {
    json there = read_sealed(path, kPlanFormat);
    there.erase("hash");
    const std::string differing = difference(there, to_json(plan));
    if (differing.empty()) return;
    if (!has_begun(directory)) {
      write_sealed(path, to_json(plan));
      return;
    }
    throw Error(fmt::format("{} holds another sweep: {}; give another --dir", in_quotes(directory),
                            differing));
  }
  if (fs::exists(directory)) {
    if (!fs::is_directory(directory)) {
      throw Error(fmt::format("{} is not a directory", in_quotes(directory)));
    }
    for (const fs::directory_entry& entry : fs::directory_iterator(directory)) {
      // What a process left that was killed before it had a plan.
      if (entry.path().filename().string().starts_with(".burin-")) continue;
      throw Error(
          fmt::format("{} is used, but not by a sweep: it has no plan.json; give another "
                      "--dir",
                      in_quotes(directory)));
    }
  }
  create_directories(directory);
  write_sealed(path, to_json(plan));
}

SweepPlan read_plan(const std::string& directory) {
  const std::string path = plan_path(directory);
  if (!fs::exists(path)) {
    throw Error(fmt::format("{} is not the directory of a sweep: it has no plan.json",
                            in_quotes(directory)));
  }
  return plan_from_json(read_sealed(path, kPlanFormat), in_quotes(path));
}

}  // namespace burin
