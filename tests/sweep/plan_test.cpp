// The grid of a sweep, its plan in a file, and what is no plan.
#include "sweep/plan.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "sweep/sealed_json.h"
#include "tests/support/scratch.h"

namespace burin::test {
namespace {

using nlohmann::json;

SweepPlan plan_of(int64_t folds = 3) {
  SweepPlan plan;
  plan.base.model = ModelKind::vae;
  plan.base.preset = "mnist-vae";
  plan.base.data = "data";
  plan.base.folds = folds;
  plan.base.hold_out = folds > 0 ? 0 : 10;
  plan.base.seed = 5;
  plan.penalties = {"l1", "group_lasso"};
  plan.lambdas = {0, 3e-4, 1e-3};
  plan.seeds = 2;
  plan.metrics = {"elbo"};
  plan.data_hash = "00";
  return plan;
}

void expect_usage(const std::vector<std::string>& lambdas, const std::string& part) {
  try {
    parse_lambdas(lambdas);
    ADD_FAILURE() << "no UsageError";
  } catch (const UsageError& error) {
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("--l1"), std::string::npos) << error.what();
  }
}

TEST(Plan, Lambdas) {
  EXPECT_EQ(parse_lambdas({"0", "3e-4", "1e-3"}), (std::vector<double>{0, 3e-4, 1e-3}));
  expect_usage({}, "no lambda");
  expect_usage({""}, "''");
  expect_usage({"0", "x"}, "'x'");
  expect_usage({"0", "1x"}, "'1x'");
  expect_usage({"0", "nan"}, "'nan'");
  expect_usage({"inf"}, "'inf'");
  expect_usage({"-1e-3"}, "'-1e-3'");
  expect_usage({"1e-3", "0", "0.001"}, "0.001 is given twice");
  expect_usage({"0", "-0"}, "0 is given twice");
}

TEST(Plan, CellsAreTheWholeGridAndFollowThePath) {
  const SweepPlan plan = plan_of();
  const std::vector<SweepCell> cells = cells_of(plan);
  ASSERT_EQ(cells.size(), 2u * 3 * 2 * 3);
  std::set<std::string> names;
  for (size_t i = 0; i < cells.size(); ++i) {
    names.insert(cells[i].name);
    EXPECT_EQ(cells[i].previous, "");
    EXPECT_EQ(cells[i].lambda, plan.lambdas[i % 3]);
    EXPECT_EQ(cells[i].penalty, plan.penalties[i / 3 % 2]);
    EXPECT_EQ(cells[i].fold, static_cast<int64_t>(i / 6 % 3) + 1);
    EXPECT_EQ(cells[i].seed, 5 + i / 18);
  }
  EXPECT_EQ(names.size(), cells.size());
  EXPECT_EQ(cells[1].name, "l1-0.0003-seed5-fold1");
  EXPECT_EQ(cells_of(plan_of(0))[1].name, "l1-0.0003-seed5");
}

TEST(Plan, WarmStartsFollowTheLambdasOfOnePenaltySeedAndFold) {
  SweepPlan plan = plan_of();
  plan.warm_start = true;
  const std::vector<SweepCell> cells = cells_of(plan);
  for (size_t i = 0; i < cells.size(); ++i) {
    EXPECT_EQ(cells[i].previous, i % 3 == 0 ? "" : cells[i - 1].name);
  }
  const Config config = config_of(plan, cells[1], "dir");
  EXPECT_EQ(config.init_from, "dir/cells/" + cells[0].name);
  EXPECT_EQ(config.l1_encoder, 3e-4);
  EXPECT_EQ(config.l1_decoder, 3e-4);
  EXPECT_EQ(config.seed, 5u);
  EXPECT_EQ(config.fold, 1);
  EXPECT_EQ(config_of(plan, cells[0], "dir").init_from, "");
}

TEST(Plan, EachPenaltyHasWhatIsItsOwn) {
  SweepPlan plan = plan_of(0);
  plan.base.l1_mode = "subgradient";
  EXPECT_NO_THROW(check_plan(plan));
  const std::vector<SweepCell> cells = cells_of(plan);
  EXPECT_EQ(config_of(plan, cells[0], "").l1_mode, "subgradient");
  EXPECT_EQ(config_of(plan, cells[3], "").penalty, "group_lasso");
  plan.penalties = {"group_lasso"};  // alone, the contradiction is one
  EXPECT_THROW(check_plan(plan), UsageError);
}

TEST(Plan, WhatCannotBeSwept) {
  SweepPlan plan = plan_of();
  plan.penalties = {"l1", "l1"};
  EXPECT_THROW(check_plan(plan), UsageError);
  plan = plan_of();
  plan.penalties = {"l3"};
  EXPECT_THROW(check_plan(plan), UsageError);
  plan = plan_of();
  plan.seeds = 0;
  EXPECT_THROW(check_plan(plan), UsageError);
  plan = plan_of();
  plan.base.hold_out = 3;  // and folds
  EXPECT_THROW(check_plan(plan), UsageError);
  EXPECT_THROW(check_plan(plan_of(1)), UsageError);
}

TEST(Plan, FileComesBackAndRefusesAnother) {
  const Scratch scratch;
  const std::string directory = scratch.path("sweep");
  SweepPlan plan = plan_of();
  plan.lambdas.push_back(1.0 / 3);  // all digits come back
  store_plan(plan, directory);
  EXPECT_EQ(to_json(read_plan(directory)), to_json(plan));
  EXPECT_NO_THROW(store_plan(plan, directory));
  SweepPlan other = plan;
  other.seeds = 7;  // nothing is lost while no cell has begun
  store_plan(other, directory);
  EXPECT_EQ(read_plan(directory).seeds, 7);
  store_plan(plan, directory);
  std::filesystem::create_directories(directory + "/cells/" + cells_of(plan)[0].name);
  other = plan;
  other.lambdas[0] = 0.25;
  expect_error([&] { store_plan(other, directory); }, {"lambdas", "0.25", "--dir"});
  other = plan;
  other.base.lr = 0.125;
  expect_error([&] { store_plan(other, directory); }, {"another sweep", "lr", "0.125"});
  other = plan;
  other.base.l1_layers = "decoder.0=1";
  expect_error([&] { store_plan(other, directory); }, {"l1_layers"});
  expect_error([&] { store_plan(plan, scratch.directory()); }, {"used", "plan.json"});
  expect_error([&] { store_plan(plan, scratch.write("file", "x")); }, {"file", "not a directory"});
}

TEST(Plan, DamagedFiles) {
  const Scratch scratch;
  store_plan(plan_of(), scratch.path("sweep"));
  const std::string good = scratch.read("sweep/plan.json");
  const auto expect_damaged = [&](const std::string& text) {
    scratch.write("sweep/plan.json", text);
    expect_error([&] { read_plan(scratch.path("sweep")); }, {"sweep/plan.json"});
    expect_error([&] { store_plan(plan_of(), scratch.path("sweep")); }, {"sweep/plan.json"});
  };
  expect_damaged("");
  expect_damaged("[1]");
  expect_damaged(good.substr(0, good.size() / 2));
  std::string changed = good;
  changed.replace(changed.find("0.0003"), 6, "0.0004");
  expect_damaged(changed);
  // Whole, but of something else.
  json object = json::parse(good);
  object["format"] = "burin-score-1";
  object["hash"] = seal_of(object);
  expect_damaged(object.dump());
  object = json::parse(good);
  object.erase("lambdas");
  object["hash"] = seal_of(object);
  scratch.write("sweep/plan.json", object.dump());
  expect_error([&] { read_plan(scratch.path("sweep")); }, {"damaged", "key"});
  expect_error([&] { read_plan(scratch.path("nowhere")); }, {"nowhere", "plan.json"});
}

}  // namespace
}  // namespace burin::test
