// Means with their errors, what is picked by them, and the table of a grid that is known.
#include "sweep/table.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "sweep/sealed_json.h"
#include "tests/support/scratch.h"

namespace burin::test {
namespace {

using nlohmann::json;

TEST(Spread, MeanDeviationAndError) {
  // Of 2, 4, 4, 4, 5, 5, 7, 9: mean 5, sum of squares 32.
  const Spread spread = spread_of({2, 4, 4, 4, 5, 5, 7, 9});
  EXPECT_DOUBLE_EQ(spread.mean, 5.0);
  EXPECT_DOUBLE_EQ(spread.sd, std::sqrt(32.0 / 7.0));
  EXPECT_DOUBLE_EQ(spread.se, std::sqrt(32.0 / 7.0 / 8.0));
  EXPECT_EQ(spread_of({3}).mean, 3.0);
  EXPECT_TRUE(std::isnan(spread_of({3}).sd));
  EXPECT_TRUE(std::isnan(spread_of({3}).se));
  EXPECT_TRUE(std::isnan(spread_of({}).mean));
}

PickRow row(double lambda, double mean, double se, const char* penalty = "l1", bool whole = true) {
  return {penalty, lambda, {mean, se * std::sqrt(2.0), se}, whole};
}

TEST(Pick, OneStandardErrorIsOfTheBestAndTakesTheLargestLambda) {
  // -101 is the best, with 0.5; 3e-3 is within, 1e-2 is not, though its own error would reach.
  const std::vector<PickRow> rows = {row(0, -101.7, 0.1), row(1e-3, -101.0, 0.5),
                                     row(3e-3, -101.5, 0.1), row(1e-2, -101.6, 9.0)};
  EXPECT_EQ(pick_best(rows, true), 1u);
  EXPECT_EQ(pick_1se(rows, true), 2u);
  // Where lower is better, the same of the negative values.
  std::vector<PickRow> lower = rows;
  for (PickRow& each : lower) each.score.mean = -each.score.mean;
  EXPECT_EQ(pick_best(lower, false), 1u);
  EXPECT_EQ(pick_1se(lower, false), 2u);
  // The order of the path does not matter.
  const std::vector<PickRow> falling(rows.rbegin(), rows.rend());
  EXPECT_EQ(falling[pick_1se(falling, true)].lambda, 3e-3);
  // A smaller lambda than the best's is never picked.
  EXPECT_EQ(pick_1se({row(0, 1.0, 1), row(1, 1.5, 1), row(2, 0.1, 1)}, true), 1u);
}

TEST(Pick, StaysWithThePenaltyOfTheBest) {
  const std::vector<PickRow> rows = {row(1e-3, 5.0, 1), row(1e-2, 4.5, 1),
                                     row(1e-1, 4.9, 1, "group_lasso")};
  EXPECT_EQ(pick_1se(rows, true), 1u);
}

TEST(Pick, DivergedAndEqualRows) {
  EXPECT_EQ(pick_best({row(0, 1, 1), row(1, 2, 1, "l1", false)}, true), 0u);
  EXPECT_EQ(pick_1se({row(0, 1, 1), row(1, 1, 1, "l1", false)}, true), 0u);
  EXPECT_EQ(pick_best({row(0, 1, 1), row(1, 1, 1)}, true), 1u);
  expect_error([] { pick_best({row(0, 1, 1, "l1", false)}, true); }, {"diverged"});
  const double none = std::nan("");
  expect_error([&] { pick_1se({row(0, 1, none)}, true); }, {"1se", "--seeds", "--folds"});
}

json score_of(double validation, double train, double zeros) {
  return {{"diverged", nullptr},
          {"validation", {{"elbo", validation}}},
          {"train", {{"elbo", train}}},
          {"test", {{"elbo", validation - 1}}},
          {"zeros", zeros},
          {"dead_units", 3},
          {"dead_latents", 1},
          {"seconds", 2.0},
          {"scoring_seconds", 0.5}};
}

// Two lambdas and two seeds.
SweepPlan small_plan() {
  SweepPlan plan;
  plan.base.model = ModelKind::vae;
  plan.base.preset = "mnist-vae";
  plan.base.data = "data";
  plan.base.hold_out = 10;
  plan.penalties = {"l1"};
  plan.lambdas = {0, 0.5};
  plan.seeds = 2;
  plan.metrics = {"elbo"};
  return plan;
}

std::vector<json> small_scores(const SweepPlan& plan) {
  // Seed 1 at both lambdas, then seed 2.
  std::vector<json> scores = {score_of(-100, -99, 0), score_of(-104, -103, 0.5),
                              score_of(-102, -100, 0), score_of(-104, -104, 0.7)};
  const std::vector<SweepCell> cells = cells_of(plan);
  for (size_t i = 0; i < scores.size(); ++i) {
    scores[i].update({{"cell", cells[i].name},
                      {"penalty", cells[i].penalty},
                      {"lambda", cells[i].lambda},
                      {"seed", cells[i].seed},
                      {"fold", cells[i].fold}});
  }
  return scores;
}

TEST(Table, RowsOfAGrid) {
  const SweepPlan plan = small_plan();
  const json table = make_table(plan, small_scores(plan));
  ASSERT_EQ(table["lambdas"].size(), 2u);
  const json& dense = table["lambdas"][0];
  EXPECT_EQ(dense["lambda"], 0.0);
  EXPECT_EQ(dense["cells"], 2);
  EXPECT_DOUBLE_EQ(dense["elbo_validation"]["mean"].get<double>(), -101);
  EXPECT_DOUBLE_EQ(dense["elbo_validation"]["sd"].get<double>(), std::sqrt(2.0));
  EXPECT_DOUBLE_EQ(dense["elbo_validation"]["se"].get<double>(), 1.0);
  EXPECT_DOUBLE_EQ(dense["elbo_gap"]["mean"].get<double>(), 1.5);
  EXPECT_DOUBLE_EQ(dense["elbo_test"]["mean"].get<double>(), -102);
  const json& sparse = table["lambdas"][1];
  EXPECT_DOUBLE_EQ(sparse["zeros"]["mean"].get<double>(), 0.6);
  EXPECT_DOUBLE_EQ(sparse["elbo_validation"]["se"].get<double>(), 0.0);
  EXPECT_EQ(table["picks"]["best"]["lambda"], 0.0);
  EXPECT_EQ(table["picks"]["1se"]["lambda"], 0.0);  // -104 is three errors below
  EXPECT_EQ(table["picks"]["by_penalty"]["l1"]["best"]["lambda"], 0.0);
  EXPECT_EQ(table["cells"].size(), 4u);
}

TEST(Table, ADivergedCellIsNoNumberAndKeepsItsLambdaFromBeingPicked) {
  const SweepPlan plan = small_plan();
  std::vector<json> scores = small_scores(plan);
  scores[0] = {{"cell", "l1-0-seed1"},
               {"penalty", "l1"},
               {"lambda", 0.0},
               {"seed", 1},
               {"fold", 0},
               {"diverged", "step 7: \"it\" did"}};
  const json table = make_table(plan, scores);
  EXPECT_EQ(table["lambdas"][0]["diverged"], 1);
  EXPECT_DOUBLE_EQ(table["lambdas"][0]["elbo_validation"]["mean"].get<double>(), -102);
  EXPECT_TRUE(table["lambdas"][0]["elbo_validation"]["se"].is_null());
  EXPECT_EQ(table["picks"]["best"]["lambda"], 0.5);
}

TEST(Table, FilesHoldTheSame) {
  const Scratch scratch;
  const SweepPlan plan = small_plan();
  const json table = make_table(plan, small_scores(plan));
  write_table(scratch.directory(), table);
  json read = read_table(scratch.directory(), plan);
  read.erase("hash");
  EXPECT_EQ(read, table);
  // Each line of a CSV has as many fields as the first.
  for (const char* name : {"cells.csv", "lambdas.csv"}) {
    std::istringstream lines(scratch.read(name));
    std::string line;
    std::getline(lines, line);
    EXPECT_TRUE(line.find("elbo_validation") != std::string::npos) << line;
    EXPECT_TRUE(line.starts_with(std::string(name) == "cells.csv" ? "cell,penalty,lambda,seed,fold"
                                                                  : "penalty,lambda,cells"))
        << line;
    const auto commas = std::count(line.begin(), line.end(), ',');
    size_t rows = 0;
    for (; std::getline(lines, line); ++rows) {
      EXPECT_EQ(std::count(line.begin(), line.end(), ','), commas) << line;
    }
    EXPECT_EQ(rows, std::string(name) == "cells.csv" ? 4u : 2u);
  }
  SweepPlan other = plan;
  other.seeds = 3;
  expect_error([&] { read_table(scratch.directory(), other); }, {"table.json", "another plan"});
  scratch.write("table.json", "{\"format\": \"burin-table-1\", \"hash\": \"0\"}");
  expect_error([&] { read_table(scratch.directory(), plan); }, {"table.json", "damaged"});
}

TEST(Table, PickWritesTheSettingsOfTheWholeSet) {
  const Scratch scratch;
  SweepPlan plan = small_plan();
  plan.warm_start = true;
  const json table = make_table(plan, small_scores(plan));
  const json pick = write_pick(scratch.directory(), plan, table, "best");
  EXPECT_EQ(pick["lambda"], 0.0);
  const json settings = json::parse(scratch.read("pick-best.json"));
  EXPECT_EQ(settings["hold_out"], 0);
  EXPECT_EQ(settings["seed"], plan.base.seed);
  EXPECT_FALSE(settings.contains("init_from"));
  Config config;
  config.model = ModelKind::vae;
  apply_json(config, settings, "pick");
  check_settings(config);
}

}  // namespace
}  // namespace burin::test
