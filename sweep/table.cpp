#include "sweep/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>

#include "engine/io/error.h"
#include "engine/io/files.h"
#include "evaluation/scores.h"
#include "sweep/sealed_json.h"
#include "sweep/sweep.h"

namespace burin {

using nlohmann::json;
namespace fs = std::filesystem;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// NaN is null in JSON.
double number_of(const json& value) {
  return value.is_number() ? value.get<double>() : kNaN;
}

json json_of(const Spread& spread) {
  return {{"mean", spread.mean}, {"sd", spread.sd}, {"se", spread.se}};
}

struct Column {
  std::string name;
  std::vector<const char*> path;  // in score.json
};

// What a cell's row has beside its place in the grid; gaps are made of two of them.
std::vector<Column> columns_of(const std::vector<Score>& metrics) {
  std::vector<Column> columns;
  for (const Score& metric : metrics) {
    for (const char* set : {"validation", "train", "test"}) {
      columns.push_back({fmt::format("{}_{}", metric.name, set), {set, metric.name}});
    }
  }
  for (const char* name : {"zeros", "dead_units", "dead_latents", "seconds", "scoring_seconds"}) {
    columns.push_back({name, {name}});
  }
  return columns;
}

json row_of(const json& score, const std::vector<Score>& metrics) {
  json row = json::object();
  for (const char* key : {"cell", "penalty", "lambda", "seed", "fold", "diverged"}) {
    row[key] = score.value(key, json());
  }
  for (const Column& column : columns_of(metrics)) {
    json value = score;
    for (const char* key : column.path) {
      value = value.is_object() ? value.value(key, json()) : json();
    }
    row[column.name] = value;
  }
  for (const Score& metric : metrics) {
    const double train = number_of(row[fmt::format("{}_train", metric.name)]);
    const double held_out = number_of(row[fmt::format("{}_validation", metric.name)]);
    row[fmt::format("{}_gap", metric.name)] =
        metric.higher_is_better ? train - held_out : held_out - train;
  }
  return row;
}

std::vector<PickRow> pick_rows(const json& table) {
  std::vector<PickRow> rows;
  const std::string column = table.at("metric").get<std::string>() + "_validation";
  for (const json& row : table.at("lambdas")) {
    const json& score = row.at(column);
    rows.push_back(
        {row.at("penalty").get<std::string>(),
         row.at("lambda").get<double>(),
         {number_of(score.at("mean")), number_of(score.at("sd")), number_of(score.at("se"))},
         row.at("diverged") == 0});
  }
  return rows;
}

// {"best", "1se"}: each {"penalty", "lambda"}, or null if it cannot be.
json picks_of(const std::vector<PickRow>& rows, bool higher_is_better) {
  json picks = json::object();
  for (const auto& [rule, pick] : {std::pair("best", &pick_best), std::pair("1se", &pick_1se)}) {
    picks[rule] = nullptr;
    try {
      const PickRow& row = rows[pick(rows, higher_is_better)];
      picks[rule] = {{"penalty", row.penalty}, {"lambda", row.lambda}};
    } catch (const Error&) {  // some cell diverged, or there is no standard error
    }
  }
  return picks;
}

// Keys of a row, its place in the grid first.
std::vector<std::string> keys_of(const json& row) {
  std::vector<std::string> keys;
  for (const char* first : {"cell", "penalty", "lambda", "seed", "fold", "cells", "diverged"}) {
    if (row.contains(first)) keys.push_back(first);
  }
  for (const auto& [key, value] : row.items()) {
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
  }
  return keys;
}

// Rows with one line each, keys of the first row; an object {"mean", "sd", "se"} is three columns.
std::string csv_of(const json& rows) {
  std::string head, text;
  const auto add = [](std::string& line, const std::string& field) {
    line += (line.empty() ? "" : ",") + field;
  };
  const auto field = [](const json& value) {
    if (value.is_null()) return std::string();
    if (!value.is_string()) return value.dump();
    std::string quoted = "\"";
    for (const char c : value.get<std::string>()) quoted += c == '"' ? "\"\"" : std::string(1, c);
    return quoted + "\"";
  };
  for (const json& row : rows) {
    std::string names, line;
    for (const std::string& key : keys_of(row)) {
      const json& value = row.at(key);
      if (!value.is_object()) {
        add(names, key);
        line += (line.empty() ? "" : ",") + field(value);
        continue;
      }
      for (const char* part : {"mean", "sd", "se"}) {
        add(names, key + "_" + part);
        line += (line.empty() ? "" : ",") + field(value.at(part));
      }
    }
    if (head.empty()) head = names + "\n";
    text += line + "\n";
  }
  return head + text;
}

}  // namespace

Spread spread_of(const std::vector<double>& values) {
  const double n = static_cast<double>(values.size());
  if (values.empty()) return {kNaN, kNaN, kNaN};
  double sum = 0, squares = 0;
  for (const double value : values) sum += value;
  const double mean = sum / n;
  if (values.size() < 2) return {mean, kNaN, kNaN};
  for (const double value : values) squares += (value - mean) * (value - mean);
  const double sd = std::sqrt(squares / (n - 1));
  return {mean, sd, sd / std::sqrt(n)};
}

size_t pick_best(const std::vector<PickRow>& rows, bool higher_is_better) {
  size_t best = rows.size();
  for (size_t i = 0; i < rows.size(); ++i) {
    if (!rows[i].whole || !std::isfinite(rows[i].score.mean)) continue;
    const double lead = best == rows.size() ? 1
                                            : (rows[i].score.mean - rows[best].score.mean) *
                                                  (higher_is_better ? 1 : -1);
    if (lead > 0 || (lead == 0 && rows[i].lambda > rows[best].lambda)) best = i;
  }
  if (best == rows.size()) throw Error("no lambda can be picked: of each, some cell diverged");
  return best;
}

size_t pick_1se(const std::vector<PickRow>& rows, bool higher_is_better) {
  const size_t best = pick_best(rows, higher_is_better);
  if (!std::isfinite(rows[best].score.se)) {
    throw Error(
        "1se cannot pick: one cell a lambda has no standard error; give several --seeds or "
        "--folds");
  }
  size_t picked = best;
  for (size_t i = 0; i < rows.size(); ++i) {
    const PickRow& row = rows[i];
    if (!row.whole || row.penalty != rows[best].penalty || row.lambda <= rows[picked].lambda) {
      continue;
    }
    const double behind = (rows[best].score.mean - row.score.mean) * (higher_is_better ? 1 : -1);
    if (behind <= rows[best].score.se) picked = i;
  }
  return picked;
}

json make_table(const SweepPlan& plan, const std::vector<json>& scores) {
  const std::vector<Score> metrics = chosen_scores(plan.metrics, plan.base.model == ModelKind::vae);
  json cells = json::array(), lambdas = json::array();
  for (const json& score : scores) cells.push_back(row_of(score, metrics));
  for (const std::string& penalty : plan.penalties) {
    for (const double lambda : plan.lambdas) {
      std::map<std::string, std::vector<double>> values;
      int64_t count = 0, diverged = 0;
      json row = {{"penalty", penalty}, {"lambda", lambda}};
      for (const json& cell : cells) {
        if (cell["penalty"] != penalty || cell["lambda"] != lambda) continue;
        ++count;
        if (!cell["diverged"].is_null()) ++diverged;
        for (const auto& [key, value] : cell.items()) {
          if (key == "lambda" || key == "seed" || key == "fold") continue;
          std::vector<double>& list = values[key];
          if (value.is_number() && std::isfinite(value.get<double>())) {
            list.push_back(value.get<double>());
          }
        }
      }
      row["cells"] = count;
      row["diverged"] = diverged;
      for (const char* text : {"cell", "penalty", "diverged"}) values.erase(text);
      for (const auto& [key, list] : values) row[key] = json_of(spread_of(list));
      lambdas.push_back(row);
    }
  }
  json names = json::array();
  for (const Score& metric : metrics) names.push_back(metric.name);
  json table = {{"format", kTableFormat},
                {"model", model_name(plan.base.model)},
                {"preset", plan.base.preset},
                {"plan", seal_of(to_json(plan))},
                {"metric", metrics.front().name},
                {"metrics", names},
                {"higher_is_better", metrics.front().higher_is_better},
                {"cells", cells},
                {"lambdas", lambdas}};
  const std::vector<PickRow> rows = pick_rows(table);
  table["picks"] = picks_of(rows, metrics.front().higher_is_better);
  for (const std::string& penalty : plan.penalties) {
    std::vector<PickRow> own;
    for (const PickRow& row : rows) {
      if (row.penalty == penalty) own.push_back(row);
    }
    table["picks"]["by_penalty"][penalty] = picks_of(own, metrics.front().higher_is_better);
  }
  return json::parse(table.dump());  // as it is read again: what is not finite is null
}

void write_table(const std::string& directory, const json& table) {
  const fs::path place(directory);
  write_file_atomically((place / "cells.csv").string(), csv_of(table.at("cells")));
  write_file_atomically((place / "lambdas.csv").string(), csv_of(table.at("lambdas")));
  write_sealed((place / "table.json").string(), table);
}

json read_table(const std::string& directory, const SweepPlan& plan) {
  const std::string path = (fs::path(directory) / "table.json").string();
  if (!fs::exists(path)) {
    const std::vector<SweepCell> cells = cells_of(plan);
    size_t scored = 0;
    for (const SweepCell& cell : cells) scored += !read_score(directory, cell).is_null();
    throw Error(fmt::format(
        "{} has no finished table: {} of {} cells are scored; go on with: burin sweep --dir {}",
        in_quotes(directory), scored, cells.size(), directory));
  }
  const json table = read_sealed(path, kTableFormat);
  if (table.value("plan", "") != seal_of(to_json(plan))) {
    throw Error(fmt::format("{} is the table of another plan", in_quotes(path)));
  }
  return table;
}

json write_pick(const std::string& directory, const SweepPlan& plan, const json& table,
                const std::string& rule) {
  const std::vector<PickRow> rows = pick_rows(table);
  const bool higher = table.at("higher_is_better").get<bool>();
  const PickRow& row = rows[rule == "1se" ? pick_1se(rows, higher) : pick_best(rows, higher)];
  SweepCell cell;
  cell.penalty = row.penalty;
  cell.lambda = row.lambda;
  cell.seed = plan.base.seed;
  Config config = config_of(plan, cell, directory);
  config.hold_out = config.folds = 0;
  const std::string path = (fs::path(directory) / fmt::format("pick-{}.json", rule)).string();
  write_file_atomically(path, to_json(config).dump(2) + "\n");
  return {{"rule", rule}, {"penalty", row.penalty}, {"lambda", row.lambda}, {"config", path}};
}

}  // namespace burin
