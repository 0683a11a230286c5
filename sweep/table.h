// What a finished sweep says: a row for each cell, a row for each penalty and lambda, and the
// lambda that the rows speak for. docs/sweep.md#the-table
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "sweep/plan.h"

namespace burin {

// Mean, deviation over n - 1, and standard error of the mean, sd / sqrt(n). With one value, sd and
// se are NaN; with none, the mean too.
struct Spread {
  double mean, sd, se;
};
Spread spread_of(const std::vector<double>& values);

// One row of lambda, as far as it is picked by.
struct PickRow {
  std::string penalty;
  double lambda = 0;
  Spread score{};
  bool whole = true;  // no cell diverged
};

// The row of the best mean among those that are whole; of equal ones the one of the largest lambda.
// Throws Error if there is none.
size_t pick_best(const std::vector<PickRow>& rows, bool higher_is_better);
// The one-standard-error rule: of the best row's penalty, the largest lambda whose mean is within
// one standard error, the best row's, of the best (Breiman, Friedman, Olshen & Stone 1984, section
// 3.4.3; Hastie, Tibshirani & Friedman 2009, section 7.10). Throws Error if there is no error, as
// there is one cell a lambda.
size_t pick_1se(const std::vector<PickRow>& rows, bool higher_is_better);

// The table, of the scores of all cells in their order (read_score).
nlohmann::json make_table(const SweepPlan& plan, const std::vector<nlohmann::json>& scores);

inline constexpr const char* kTableFormat = "burin-table-1";

// DIR/table.json, lambdas.csv and cells.csv, each whole or not at all.
void write_table(const std::string& directory, const nlohmann::json& table);
// DIR/table.json; throws Error if there is none, saying how many cells are scored, or it is
// damaged.
nlohmann::json read_table(const std::string& directory, const SweepPlan& plan);

// What of the table `rule`, "best" or "1se", picks: {"rule", "penalty", "lambda", "config"}, the
// last a file that it writes: DIR/pick-RULE.json, the settings that train it on all training images
// that the plan uses. Throws Error.
nlohmann::json write_pick(const std::string& directory, const SweepPlan& plan,
                          const nlohmann::json& table, const std::string& rule);

}  // namespace burin
