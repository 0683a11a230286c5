// What a sweep trains: a grid of cells, one training run each. docs/sweep.md
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "models/config.h"

namespace burin {

struct SweepPlan {
  // Of every cell, but for the penalty, lambda, seed, fold and where its weights come from. Has
  // hold_out or folds, or neither before a Sweep has chosen.
  Config base;
  std::vector<std::string> penalties;
  std::vector<double> lambdas;       // in the order in which they are trained
  int64_t seeds = 1;                 // base.seed and those after it
  bool warm_start = false;           // each lambda begins with the weights of the one before it
  std::vector<std::string> metrics;  // of all_scores(); the first is what lambda is picked by
  int64_t score_images = 10000;      // of each set, at most
  int64_t score_count = 10000;       // generated images
  int64_t score_k = 500;             // of nll
  std::string data_hash;             // of the training and test set
};

struct SweepCell {
  std::string name;  // "l1-0.001-seed1-fold2", its directory
  std::string penalty;
  double lambda = 0;
  uint64_t seed = 0;
  int64_t fold = 0;      // 0: a hold-out
  std::string previous;  // the cell that it takes its weights from, or none
};

// "0,3e-4,1e-3": as texts of the command line. Throws UsageError for none, what is not a number,
// a negative or infinite one, and one that is there twice.
std::vector<double> parse_lambdas(const std::vector<std::string>& texts);

// Throws UsageError for what cannot be swept: penalties twice or unknown, seeds below 1, settings
// of cells that contradict one another.
void check_plan(const SweepPlan& plan);

// Seed by seed, fold by fold, penalty by penalty, and along the lambdas.
std::vector<SweepCell> cells_of(const SweepPlan& plan);

// `directory`: of the sweep, where the cell before it is found.
Config config_of(const SweepPlan& plan, const SweepCell& cell, const std::string& directory);

nlohmann::json to_json(const SweepPlan& plan);
// Of to_json(); throws Error that begins with `where`.
SweepPlan plan_from_json(const nlohmann::json& object, const std::string& where);

inline constexpr const char* kPlanFormat = "burin-sweep-1";

// DIR/plan.json. The first writes it; it throws Error if another plan is there of which a cell has
// begun, or a damaged one, or files of something else. The second throws Error if there is none, or
// it is damaged.
void store_plan(const SweepPlan& plan, const std::string& directory);
SweepPlan read_plan(const std::string& directory);

}  // namespace burin
