// burin sweep: a grid of runs in one directory, killed and started again, and what comes of it.
#include <fmt/format.h>
#include <sys/file.h>

#include <thread>

#include "tests/command/command_case.h"

namespace burin::test {
namespace {

using nlohmann::json;

class SweepTest : public CommandTest {
 protected:
  // Two lambdas and two seeds of a small network, of the 300 images of `data`.
  static Arguments sweep(const std::string& directory, const Arguments& more = {}) {
    return Arguments{"sweep", "vae", "--data", "data"} + small_vae() +
           Arguments{"--dir", directory, "--no-picture"} + more;
  }
  static Arguments grid(const std::string& directory, const Arguments& more = {}) {
    return sweep(directory, Arguments{"--l1", "0,0.01", "--seeds", "2", "--steps", "30"} + more);
  }

  // The table without the times.
  json table(const std::string& directory) const {
    json table = json::parse(scratch_.read(directory + "/table.json"));
    table.erase("hash");
    for (const char* rows : {"cells", "lambdas"}) {
      for (json& row : table[rows]) {
        row.erase("seconds");
        row.erase("scoring_seconds");
      }
    }
    return table;
  }

  void expect_same_sweep(const std::string& a, const std::string& b) const {
    EXPECT_EQ(table(a), table(b));
    for (const json& cell : table(a)["cells"]) {
      const std::string name = "/cells/" + cell["cell"].get<std::string>();
      expect_same_bits(a + name, b + name);
    }
  }
};

TEST_F(SweepTest, CellsTableAndPick) {
  const Outcome outcome = expect_success(grid(
      "s", {"--folds", "3", "--pick", "best", "--json", "--seed", "4", "--score-images", "40"}));
  const json result = json::parse(outcome.out);
  EXPECT_EQ(result["cells"], 12);
  EXPECT_EQ(result["metric"], "elbo");
  EXPECT_TRUE(result["picture"].is_null());
  ASSERT_EQ(result["lambdas"].size(), 2u);
  EXPECT_EQ(result["lambdas"][0]["cells"], 6);
  EXPECT_EQ(result["lambdas"][0]["zeros"]["mean"], 0.0);
  EXPECT_GT(result["lambdas"][1]["zeros"]["mean"], 0.0);
  EXPECT_GT(result["lambdas"][1]["elbo_validation"]["se"], 0.0);

  // A cell is a run directory, of the images that are not in its fold; its scores are what
  // `burin evaluate` says of it.
  const std::string cell = "s/cells/l1-0.01-seed5-fold2";
  const json config = json::parse(scratch_.read(cell + "/config.json"));
  EXPECT_EQ(config["l1_decoder"], 0.01);
  EXPECT_EQ(config["fold"], 2);
  EXPECT_EQ(config["seed"], 5);
  const json score = json::parse(scratch_.read(cell + "/score.json"));
  EXPECT_EQ(score["images"]["trained_on"], 200);
  EXPECT_EQ(score["images"]["held_out"], 100);
  EXPECT_EQ(score["steps"], 30);
  const json test =
      json::parse(expect_success({"evaluate", cell, "--metrics", "elbo", "--json"}).out)["elbo"];
  EXPECT_DOUBLE_EQ(score["test"]["elbo"].get<double>(), test["test"].get<double>());
  EXPECT_DOUBLE_EQ(score["train"]["elbo"].get<double>(), test["train"].get<double>());
  EXPECT_NE(score["train"]["elbo"], score["validation"]["elbo"]);

  // The table's means are those of the cells.
  double sum = 0;
  for (const char* name :
       {"seed4-fold1", "seed4-fold2", "seed4-fold3", "seed5-fold1", "seed5-fold2", "seed5-fold3"}) {
    const std::string text = scratch_.read(fmt::format("s/cells/l1-0.01-{}/score.json", name));
    sum += json::parse(text)["validation"]["elbo"].get<double>();
  }
  EXPECT_NEAR(result["lambdas"][1]["elbo_validation"]["mean"].get<double>(), sum / 6, 1e-9);

  // What is picked is a configuration that train takes, of all images.
  EXPECT_EQ(result["pick"]["config"], "s/pick-best.json");
  expect_success({"train", "vae", "--config", "s/pick-best.json", "--out", "picked"});
  const json picked = json::parse(scratch_.read("picked/config.json"));
  EXPECT_EQ(picked["l1_encoder"], result["picks"]["best"]["lambda"]);
  EXPECT_EQ(picked["folds"], 0);
  EXPECT_EQ(picked["hold_out"], 0);
  EXPECT_EQ(picked["seed"], 4);
}

TEST_F(SweepTest, StartedAgainItTrainsNothingAnew) {
  expect_success(grid("s"));
  const auto before = snapshot("s/cells");
  const std::string table_before = scratch_.read("s/table.json");
  expect_success(grid("s"));
  expect_success({"sweep", "--dir", "s", "--no-picture"});
  EXPECT_TRUE(snapshot("s/cells") == before);
  EXPECT_EQ(scratch_.read("s/table.json"), table_before);
  // By the directory alone, a lambda can be picked later.
  const Outcome outcome = expect_success({"sweep", "--dir", "s", "--pick", "1se", "--json"});
  EXPECT_EQ(json::parse(outcome.out)["rule"], "1se");
  EXPECT_TRUE(std::filesystem::exists(scratch_.path("s/pick-1se.json")));
}

TEST_F(SweepTest, WarmStartsBeginWithTheWeightsOfTheLambdaBefore) {
  const Outcome outcome = expect_success(grid("warm", {"--warm-start"}));
  EXPECT_NE(outcome.err.find("warm-started"), std::string::npos) << outcome.err;
  expect_success(grid("cold"));
  expect_same_bits("warm/cells/l1-0-seed1", "cold/cells/l1-0-seed1");
  EXPECT_NE(table("warm")["cells"][1]["elbo_validation"],
            table("cold")["cells"][1]["elbo_validation"]);
  // The same run by train itself.
  const json settings = json::parse(scratch_.read("warm/cells/l1-0.01-seed2/config.json"));
  EXPECT_EQ(settings["init_from"], "warm/cells/l1-0-seed2");
  expect_success(
      {"train", "vae", "--config", "warm/cells/l1-0.01-seed2/config.json", "--out", "by-hand"});
  expect_same_bits("by-hand", "warm/cells/l1-0.01-seed2");
  // From the other end.
  expect_success(grid("falling", {"--warm-start", "--falling"}));
  const json falling = json::parse(scratch_.read("falling/cells/l1-0-seed1/config.json"));
  EXPECT_EQ(falling["init_from"], "falling/cells/l1-0.01-seed1");
}

TEST_F(SweepTest, GanByTheClassifiersFeatures) {
  write_data(scratch_, "data", 5, 7, 400, 140);
  const Arguments arguments = {"sweep",
                               "gan",
                               "--data",
                               "data",
                               "--latent",
                               "4",
                               "--generator-hidden",
                               "8",
                               "--l1",
                               "0,1",
                               "--steps",
                               "20",
                               "--batch",
                               "16",
                               "--discriminator-hidden",
                               "8",
                               "--cache",
                               "c",
                               "--dir",
                               "s",
                               "--no-picture",
                               "--json",
                               "--hold-out",
                               "140",
                               "--score-count",
                               "150"};
  const json result = json::parse(expect_success(arguments).out);
  EXPECT_EQ(result["metric"], "fd-mlp");
  for (const json& row : result["lambdas"]) {
    EXPECT_GT(row["fd-mlp_validation"]["mean"], 0.0);
    EXPECT_GE(row["coverage_validation"]["mean"], 0.0);
    EXPECT_TRUE(row["fd-mlp_validation"]["se"].is_null());  // one run a lambda
  }
  EXPECT_TRUE(result["picks"]["1se"].is_null());
  // The classifier is that of `burin evaluate`, and so are the figures where the sets are the same.
  const json score = json::parse(scratch_.read("s/cells/l1-1-seed1/score.json"));
  const json evaluated =
      json::parse(expect_success({"evaluate", "s/cells/l1-1-seed1", "--metrics", "fd-mlp",
                                  "--count", "150", "--cache", "c", "--json"})
                      .out);
  EXPECT_EQ(evaluated["classifier"]["hash"], score["classifier"]);
  EXPECT_NEAR(evaluated["fd-mlp"]["generated"].get<double>(), score["test"]["fd-mlp"].get<double>(),
              1e-9);
  expect_refused({"sweep", "--dir", "s", "--pick", "1se"}, 1, {"1se", "--seeds", "--folds"});
}

// The last epoch is the one that was not better.
TEST_F(SweepTest, OfARunThatStopsEarlyTheBestModelIsScored) {
  expect_success(sweep("s", {"--l1", "0,1", "--hold-out", "100", "--epochs", "200", "--early-stop",
                             "1", "--lr", "0.3"}));
  const std::string cell = "s/cells/l1-0-seed1";
  const double score = json::parse(scratch_.read(cell + "/score.json"))["test"]["elbo"];
  const auto evaluated = [&](const std::string& path) -> double {
    return json::parse(expect_success({"evaluate", path, "--metrics", "elbo", "--json"}).out)
        .at("elbo")
        .at("test");
  };
  EXPECT_DOUBLE_EQ(score, evaluated(cell + "/best.safetensors"));
  EXPECT_NE(score, evaluated(cell));
}

TEST_F(SweepTest, ACellThatDivergesIsScoredAsSuch) {
  const Outcome outcome =
      expect_success(sweep("s", {"--l1", "0,0.01", "--steps", "40", "--optimizer", "sgd", "--lr",
                                 "1e30", "--warm-start"}));
  EXPECT_NE(outcome.out.find("1 diverged"), std::string::npos) << outcome.out;
  const json rows = table("s")["lambdas"];
  EXPECT_EQ(rows[0]["diverged"], 1);
  EXPECT_EQ(rows[1]["diverged"], 1);
  EXPECT_TRUE(rows[0]["elbo_validation"]["mean"].is_null());
  expect_refused({"sweep", "--dir", "s", "--pick", "best"}, 1, {"diverged"});
}

TEST_F(SweepTest, PictureWhereThereIsMatplotlib) {
  Arguments arguments = grid("s");
  arguments.erase(std::find(arguments.begin(), arguments.end(), "--no-picture"));
  const Outcome outcome = expect_success(arguments);
  if (!std::filesystem::exists(scratch_.path("s/sweep.png"))) {
    EXPECT_NE(outcome.err.find("python3-matplotlib"), std::string::npos) << outcome.err;
    EXPECT_NE(outcome.err.find("plot_sweep s/table.json"), std::string::npos) << outcome.err;
    GTEST_SKIP() << "no matplotlib";
  }
  EXPECT_TRUE(scratch_.read("s/sweep.png").starts_with("\x89PNG"));
  EXPECT_NE(outcome.out.find("s/sweep.png"), std::string::npos) << outcome.out;
}

TEST_F(SweepTest, BadInput) {
  const auto refuse = [&](const Arguments& more, int code,
                          std::initializer_list<std::string_view> parts) {
    expect_refused(sweep("s", more), code, parts);
  };
  refuse({}, 2, {"--l1", "no lambda"});
  refuse({"--l1", ","}, 2, {"--l1", "''"});
  refuse({"--l1", "0,x"}, 2, {"--l1", "'x'", "3e-4"});
  refuse({"--l1", "0,-1e-3"}, 2, {"--l1", "'-1e-3'"});
  refuse({"--l1", "1e-3,0.001"}, 2, {"--l1", "0.001", "twice"});
  refuse({"--l1", "0", "--folds", "301"}, 2, {"folds", "301", "300", "'data'"});
  refuse({"--l1", "0", "--folds", "1"}, 2, {"folds", "at least 2"});
  refuse({"--l1", "0", "--folds", "2", "--hold-out", "5"}, 2, {"folds", "hold_out"});
  refuse({"--l1", "0", "--hold-out", "300"}, 2, {"hold_out", "300"});
  refuse({"--l1", "0", "--train-images", "301"}, 2, {"train_images", "301", "300"});
  refuse({"--l1", "0", "--train-images", "40", "--hold-out", "40"}, 2, {"hold_out", "40"});
  refuse({"--l1", "0", "--hold-out", "290"}, 2, {"batch", "16", "10"});
  refuse({"--l1", "0", "--seeds", "0"}, 2, {"--seeds", "0"});
  refuse({"--l1", "0", "--fold", "1"}, 2, {"--fold"});
  refuse({"--l1", "0", "--penalty", "l3"}, 2, {"--penalty", "l3", "group_lasso"});
  refuse({"--l1", "0", "--penalty", "l1,l1"}, 2, {"--penalty", "l1", "twice"});
  refuse({"--l1", "0", "--metrics", "digits"}, 2, {"--metrics", "digits", "fd-mlp"});
  refuse({"--l1", "0", "--metrics", "fd-mlp"}, 2, {"fd-mlp", "129", "held-out", "50"});
  refuse({"--l1", "0", "--metrics", "fd-mlp", "--hold-out", "150"}, 2, {"fd-mlp", "test", "40"});
  refuse({"--l1", "0", "--pick", "worst"}, 2, {"--pick", "worst"});
  refuse({"--l1", "0", "--lr", "x"}, 2, {"--lr"});
  expect_refused({"sweep"}, 2, {"gan, vae", "--dir"});
  expect_refused({"sweep", "gna", "--l1", "0"}, 2, {"'gna'", "mnist-vae-sparse"});
  expect_refused({"sweep", "gan", "--data", "data", "--l1", "0", "--metrics", "elbo"}, 2,
                 {"gan", "elbo"});
  expect_refused({"sweep", "--dir", "nowhere"}, 1, {"'nowhere'", "plan.json"});
  expect_refused({"sweep", "--dir", "data", "--pick", "best"}, 1, {"'data'", "plan.json"});
  expect_refused({"sweep", "vae", "--data", "data", "--l1", "0", "--batch", "16", "--dir", "data"},
                 1, {"'data'", "used"});
}

TEST_F(SweepTest, DirectoriesOfOtherPlansAndDamagedOnes) {
  expect_success(grid("s"));
  expect_refused(grid("s", {"--lr", "0.5"}), 1, {"'s'", "another sweep", "lr", "0.5", "--dir"});
  expect_refused(sweep("s", {"--l1", "0,0.02", "--seeds", "2", "--steps", "30"}), 1,
                 {"'s'", "lambdas", "0.02"});
  expect_refused({"sweep", "--dir", "s", "--l1", "0"}, 2, {"--l1", "--dir"});
  // Other images under the same name.
  write_data(scratch_, "data", 5, 7, 301);
  expect_refused(grid("s"), 1, {"'s'", "another sweep"});
  write_data(scratch_, "data", 5, 7);

  const std::string score = "s/cells/l1-0.01-seed2/score.json";
  const std::string good = scratch_.read(score);
  for (const std::string& bad : {std::string(), good.substr(0, 40), std::string("{}")}) {
    scratch_.write(score, bad);
    expect_refused(grid("s"), 1, {"l1-0.01-seed2/score.json"});
  }
  std::filesystem::remove(scratch_.path(score));
  std::filesystem::remove(scratch_.path("s/table.json"));
  expect_refused({"sweep", "--dir", "s", "--pick", "best"}, 1,
                 {"'s'", "no finished table", "3 of 4", "burin sweep --dir s"});
  scratch_.write(score, good);
  flip_bit("s/plan.json", 0.5);
  expect_refused(grid("s"), 1, {"s/plan.json", "damaged"});
  expect_refused({"sweep", "--dir", "s"}, 1, {"s/plan.json", "damaged"});
}

// Networks whose steps take a millisecond, so that there is a middle.
Arguments slow(const std::string& directory, const char* steps = "12",
               const char* checkpoint_every = "0.4") {
  return {"sweep",          "vae",       "--data",  "data",         "--dir",
          directory,        "--l1",      "0,1e-2",  "--seeds",      "2",
          "--steps",        steps,       "--batch", "50",           "--checkpoint-every",
          checkpoint_every, "--threads", "1",       "--warm-start", "--no-picture",
          "--log-every",    "1"};
}

TEST_F(SweepTest, KilledAtAnyMomentItGoesOnToTheSameResult) {
  write_data(scratch_, "data", 28, 28);
  expect_success(slow("whole"));
  // Killed as soon as a file is there, one after another, in one sweep.
  int kills = 0;
  for (const char* sign :
       {"plan.json", "cells/l1-0-seed1/config.json", "cells/l1-0-seed1/metrics.jsonl",
        "cells/l1-0-seed1/score.json", "cells/l1-0.01-seed1/checkpoint.safetensors",
        "cells/l1-0.01-seed1/samples/000010.png", "cells/l1-0-seed2/score.json"}) {
    SCOPED_TRACE(sign);
    Command command(scratch_.directory(), slow("killed"));
    const double end = seconds_now() + 60;
    while (!std::filesystem::exists(scratch_.path(std::string("killed/") + sign)) &&
           seconds_now() < end) {
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    command.send(SIGKILL);
    if (command.finish().signal == SIGKILL) ++kills;
  }
  EXPECT_GE(kills, 4);
  // As if the machine had stopped before a cell's first checkpoint.
  std::filesystem::create_directories(scratch_.path("killed/cells/l1-0.01-seed2/samples"));
  scratch_.write("killed/cells/l1-0.01-seed2/config.json", "{");
  std::filesystem::remove(scratch_.path("killed/cells/l1-0.01-seed2/checkpoint.safetensors"));
  expect_success(slow("killed"));
  expect_same_sweep("killed", "whole");
}

TEST_F(SweepTest, InterruptedItIsSavedAndGoesOn) {
  write_data(scratch_, "data", 28, 28);
  expect_success(slow("whole", "40", "4"));
  Command command(scratch_.directory(), slow("stopped", "40", "4"));
  ASSERT_TRUE(command.wait_for("cell 1/4"));
  command.send(SIGINT);
  const Outcome outcome = command.finish();
  EXPECT_EQ(outcome.code, 130) << outcome.err;
  EXPECT_EQ(outcome.out, "");
  EXPECT_NE(outcome.err.find("go on with: burin sweep --dir stopped"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(scratch_.path("stopped/table.json")));
  {
    // Another process is at work there.
    const int descriptor = open(scratch_.path("stopped").c_str(), O_RDONLY | O_CLOEXEC);
    ASSERT_EQ(flock(descriptor, LOCK_EX), 0);
    expect_refused({"sweep", "--dir", "stopped"}, 1, {"another", "at work", "'stopped'"});
    close(descriptor);
  }
  expect_success({"sweep", "--dir", "stopped", "--no-picture"});
  expect_same_sweep("stopped", "whole");
}

}  // namespace
}  // namespace burin::test
