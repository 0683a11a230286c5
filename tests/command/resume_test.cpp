// Run directories that are used, damaged or left by a run that was stopped, and going on with them.
#include <fmt/format.h>

#include <thread>

#include "tests/command/command_case.h"

namespace burin::test {
namespace {

using nlohmann::json;
using Resume = CommandTest;

void sleep_seconds(double seconds) {
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
}

Arguments resume(const std::string& model, const std::string& out, const Arguments& more = {}) {
  return Arguments{"train", model, "--out", out, "--resume"} + more;
}

TEST_F(Resume, UsedDirectoryIsRefused) {
  expect_success(gan("run", {"--steps", "3"}));
  expect_refused(gan("run", {"--steps", "3"}), 1, {"'run'", "--resume", "--overwrite"});
  std::filesystem::create_directory(scratch_.path("mine"));
  expect_success(gan("mine", {"--steps", "1"}));  // empty is fine
  std::filesystem::create_directory(scratch_.path("other"));
  scratch_.write("other/notes.txt", "mine");
  expect_refused(gan("other", {"--steps", "3"}), 1, {"'other'", "--overwrite"});
}

TEST_F(Resume, OverwriteStartsAnewAndSparesOtherFiles) {
  expect_success(gan("run", {"--steps", "20", "--seed", "5"}));
  scratch_.write("run/notes.txt", "mine");
  scratch_.write("run/samples/favourite.png", "mine too");
  expect_success(vae("run", {"--steps", "3", "--overwrite"}));
  EXPECT_EQ(scratch_.read("run/notes.txt"), "mine");
  EXPECT_EQ(scratch_.read("run/samples/favourite.png"), "mine too");
  EXPECT_FALSE(std::filesystem::exists(scratch_.path("run/samples/000020.png")));
  EXPECT_TRUE(std::filesystem::exists(scratch_.path("run/samples/000003.png")));
  ASSERT_EQ(metrics("run").size(), 1u);
  expect_success(vae("fresh", {"--steps", "3"}));
  expect_same_bits("run", "fresh");
  // A command that is refused overwrites nothing.
  expect_refused(vae("run", {"--overwrite", "--lr", "0"}), 2, {"--lr"});
  expect_refused(
      {"train", "vae", "--data", "data", "--out", "run", "--overwrite", "--batch", "400"}, 2,
      {"batch", "400"});
  expect_refused({"train", "vae", "--data", "nowhere", "--out", "run", "--overwrite"}, 1,
                 {"nowhere"});
}

TEST_F(Resume, PlacesThatCannotBeWritten) {
  scratch_.write("file", "content");
  expect_refused(gan("file", {"--steps", "1"}), 1, {"'file'", "not a directory"});
  expect_refused(gan("file", {"--steps", "1", "--overwrite"}), 1, {"'file'"});
  expect_refused(gan("file/run", {"--steps", "1"}), 1, {"'file/run'"});
  expect_refused(gan("/proc/burin/run", {"--steps", "1"}), 1, {"'/proc/burin"});
}

TEST_F(Resume, WrongUse) {
  expect_refused({"train", "gan", "--resume"}, 2, {"--resume", "--out"});
  expect_refused(resume("gan", "missing"), 1, {"'missing'", "run directory"});
  expect_success(gan("run", {"--steps", "3"}));
  expect_refused(resume("gan", "run", {"--preset", "doc000-gan"}), 2, {"--resume", "--preset"});
  expect_refused(resume("gan", "run", {"--config", "run/config.json"}), 2, {"--config"});
  expect_refused(resume("gan", "run", {"--overwrite"}), 2, {"--resume", "--overwrite"});
  expect_refused(resume("vae", "run"), 2, {"run/config.json", "gan", "vae"});
  expect_refused(resume("gan", "data"), 1, {"'data'", "run directory"});
}

TEST_F(Resume, DamagedDirectories) {
  expect_success(gan("run", {"--steps", "3"}));
  const std::string checkpoint = "run/checkpoint.safetensors";
  const std::string good = scratch_.read(checkpoint);
  for (const double place : {0.0, 0.1, 0.3, 0.7, 1.0}) {
    flip_bit(checkpoint, place);
    expect_refused(resume("gan", "run", {"--steps", "6"}), 1, {"run/checkpoint.safetensors"});
    expect_refused({"info", "run"}, 1, {"run/checkpoint.safetensors"});
    scratch_.write(checkpoint, good);
  }
  for (const size_t size : {size_t{0}, size_t{7}, size_t{100}, good.size() / 2, good.size() - 1}) {
    scratch_.write(checkpoint, good.substr(0, size));
    expect_refused(resume("gan", "run", {"--steps", "6"}), 1, {"run/checkpoint.safetensors"});
  }
  std::filesystem::remove(scratch_.path(checkpoint));
  expect_refused(resume("gan", "run", {"--steps", "6"}), 1, {"'run'", "checkpoint"});
  expect_refused({"sample", "run"}, 1, {"'run'", "checkpoint"});
  scratch_.write(checkpoint, good);
  const std::string config = scratch_.read("run/config.json");
  scratch_.write("run/config.json", config.substr(0, config.size() / 2));
  expect_refused(resume("gan", "run", {"--steps", "6"}), 2, {"run/config.json", "not JSON"});
  scratch_.write("run/config.json", config);
  expect_success(resume("gan", "run", {"--steps", "6"}));
}

TEST_F(Resume, AnotherNetworkOrOtherData) {
  expect_success(gan("run", {"--steps", "3"}));
  json config = json::parse(scratch_.read("run/config.json"));
  config["generator_hidden"] = {9, 6};
  scratch_.write("run/config.json", config.dump());
  expect_refused(resume("gan", "run", {"--steps", "6"}), 1,
                 {"another network", "generator.0.weight", "[8, 4]", "[9, 4]"});
  config["generator_hidden"] = {8, 6, 6};
  scratch_.write("run/config.json", config.dump());
  expect_refused(resume("gan", "run", {"--steps", "6"}), 1, {"another network", "generator."});
  config["generator_hidden"] = {8, 6};
  scratch_.write("run/config.json", config.dump());
  expect_refused(resume("gan", "run", {"--steps", "6", "--optimizer", "momentum"}), 1,
                 {"optimizer."});
  write_data(scratch_, "turned", 7, 5);
  expect_refused(resume("gan", "run", {"--steps", "6", "--data", "turned"}), 1,
                 {"'turned'", "5 x 7", "7 x 5"});
  write_data(scratch_, "fewer", 5, 7, 299);
  expect_refused(resume("gan", "run", {"--steps", "6", "--data", "fewer"}), 1,
                 {"'fewer'", "300", "299"});
  expect_success(resume("gan", "run", {"--steps", "6"}));
}

TEST_F(Resume, TwoHalvesGiveTheBitsOfTheWhole) {
  for (const char* model : {"gan", "vae"}) {
    SCOPED_TRACE(model);
    const std::string whole = std::string(model) + "-whole", halves = std::string(model) + "-half";
    // 23 is in the middle of an epoch of 18 steps and of every period.
    const Arguments settings = {"--log-every",   "5",      "--l1",          "0.01",
                                "--lr-schedule", "cosine", "--decay-until", "2",
                                "--l1-epochs",   "2"};
    expect_success(train(model, whole, settings + Arguments{"--steps", "46"}));
    expect_success(train(model, halves, settings + Arguments{"--steps", "23"}));
    expect_success(resume(model, halves, {"--steps", "46"}));
    expect_same_bits(whole, halves);
    EXPECT_EQ(scratch_.read(whole + "/config.json"), scratch_.read(halves + "/config.json"));
    EXPECT_EQ(scratch_.read(whole + "/samples/000046.png"),
              scratch_.read(halves + "/samples/000046.png"));
    EXPECT_EQ(metrics(halves).size(), metrics(whole).size() + 1);  // and that of step 23
    EXPECT_EQ(metrics(halves).back()["zeros"], metrics(whole).back()["zeros"]);
  }
}

// A run that learns its few images by heart ends early, and keeps the model of before.
TEST_F(Resume, EarlyStopKeepsTheBestAndGoesOnAlike) {
  const Arguments settings = {"--hold-out", "60", "--early-stop", "4", "--lr", "0.02"};
  const Outcome outcome =
      expect_success(vae("whole", settings + Arguments{"--epochs", "200", "--json"}));
  const json result = json::parse(outcome.out);
  const auto steps = result["steps"].get<int64_t>(), best = result["best"]["step"].get<int64_t>();
  const int64_t per_epoch = best / result["best"]["epoch"].get<int64_t>();
  EXPECT_EQ(per_epoch, 240 / 16);
  EXPECT_EQ(steps, best + 4 * per_epoch);
  EXPECT_LT(steps, 200 * per_epoch);
  double highest = -1e30;
  int64_t when = 0;
  for (const json& line : metrics("whole")) {
    if (line["step"].get<int64_t>() % per_epoch != 0) continue;
    const auto elbo = line["losses"].at("held_out_elbo").get<double>();
    if (elbo > highest) when = line["step"].get<int64_t>();
    highest = std::max(highest, elbo);
  }
  EXPECT_EQ(when, best);
  EXPECT_EQ(result["best"]["held_out_elbo"].get<double>(), highest);
  const Outcome kept = run({"info", "whole/best.safetensors", "--json"});
  EXPECT_EQ(json::parse(kept.out)["step"], best);

  expect_success(vae("halves", settings + Arguments{"--epochs", "2"}));
  expect_success(resume("vae", "halves", {"--epochs", "200"}));
  expect_same_bits("whole", "halves");
  expect_same_bits("whole", "halves", "best.safetensors");
  const Outcome again = expect_success(resume("vae", "whole"));
  EXPECT_NE(again.err.find("early"), std::string::npos) << again.err;
  EXPECT_NE(again.err.find("nothing"), std::string::npos) << again.err;
  expect_refused(resume("vae", "whole", {"--hold-out", "50"}), 1, {"240", "250"});
  expect_success(vae("whole", {"--steps", "3", "--overwrite"}));
  EXPECT_FALSE(std::filesystem::exists(scratch_.path("whole/best.safetensors")));
}

TEST_F(Resume, TemporaryFilesOfDeadProcessesGo) {
  expect_success(gan("run", {"--steps", "3"}));
  const std::string dead = "/.burin-2000000000-0.tmp";  // above the largest process id
  const std::string alive = fmt::format("/.burin-{}-0.tmp", getpid());
  for (const std::string directory : {"run", "run/samples"}) {
    for (const std::string& name : {dead, alive}) scratch_.write(directory + name, "half");
  }
  expect_success(resume("gan", "run", {"--steps", "6"}));
  for (const std::string directory : {"run", "run/samples"}) {
    EXPECT_FALSE(std::filesystem::exists(scratch_.path(directory + dead)));
    EXPECT_TRUE(std::filesystem::exists(scratch_.path(directory + alive)));
  }
}

TEST_F(Resume, NothingLeftToDo) {
  expect_success(vae("run", {"--steps", "20"}));
  const std::string before = scratch_.read("run/checkpoint.safetensors");
  const Outcome outcome = expect_success(resume("vae", "run", {"--steps", "10", "--json"}));
  EXPECT_NE(outcome.err.find("step 20"), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("nothing"), std::string::npos) << outcome.err;
  EXPECT_EQ(json::parse(outcome.out)["steps"], 20);
  EXPECT_TRUE(scratch_.read("run/checkpoint.safetensors") == before);
  EXPECT_EQ(metrics("run").back()["step"], 20);
}

// Networks whose steps take about a millisecond, so that a run can be stopped in the middle.
Arguments slow(const std::string& model, const std::string& out) {
  Arguments arguments = {"train", model,     "--data", "data",        "--out", out,    "--threads",
                         "1",     "--batch", "50",     "--log-every", "5",     "--l1", "1e-3"};
  return arguments;
}

TEST_F(Resume, InterruptedRunIsSavedWhole) {
  write_data(scratch_, "data", 28, 28);
  for (const char* model : {"gan", "vae"}) {
    SCOPED_TRACE(model);
    const std::string stopped = std::string(model) + "-stopped";
    const std::string whole = std::string(model) + "-whole";
    // No checkpoint but the one that the interruption makes.
    const Arguments rare = {"--checkpoint-every", "0", "--sample-every", "0"};
    Command command(scratch_.directory(),
                    slow(model, stopped) + rare + Arguments{"--steps", "1000000"});
    ASSERT_TRUE(command.wait_for("step 5/"));
    command.send(SIGINT);
    const Outcome outcome = command.finish();
    EXPECT_EQ(outcome.code, 130) << outcome.err;
    EXPECT_EQ(outcome.out, "");
    const size_t said = outcome.err.find("stopped at step ");
    ASSERT_NE(said, std::string::npos) << outcome.err;
    EXPECT_NE(outcome.err.find("--resume"), std::string::npos) << outcome.err;
    const int64_t step = std::stoll(outcome.err.substr(said + 16));
    ASSERT_GE(step, 5);
    EXPECT_EQ(metrics(stopped).back()["step"], step);
    const Outcome info = expect_success({"info", stopped, "--json"});
    EXPECT_EQ(json::parse(info.out)["step"], step);

    const Arguments total = {"--steps", std::to_string(step + 7)};
    expect_success(resume(model, stopped, total));
    expect_success(slow(model, whole) + rare + total);
    expect_same_bits(stopped, whole);
    EXPECT_EQ(metrics(stopped).back()["step"], step + 7);
  }
}

TEST_F(Resume, KilledRunGoesOnFromItsCheckpoint) {
  write_data(scratch_, "data", 28, 28);
  const Arguments often = {"--checkpoint-every", "0.5", "--steps", "60"};  // each 3 steps
  for (const char* model : {"gan", "vae"}) {
    SCOPED_TRACE(model);
    const std::string whole = std::string(model) + "-whole";
    expect_success(slow(model, whole) + often);
    int went_on = 0;
    // Before there is a line in metrics.jsonl: after so many milliseconds; else after so many
    // lines.
    for (const int moment : {-2, -9, 1, 3, 9}) {
      SCOPED_TRACE(moment);
      const std::string name = std::string(model) + std::to_string(moment);
      {
        Command command(scratch_.directory(), slow(model, name) + often);
        const double end = seconds_now() + 60;
        if (moment < 0) sleep_seconds(-moment * 1e-3);
        while (moment > 0 && seconds_now() < end) {
          const std::string lines = scratch_.read(name + "/metrics.jsonl");
          if (std::count(lines.begin(), lines.end(), '\n') >= moment) break;
          sleep_seconds(5e-4);
        }
        command.send(SIGKILL);
        EXPECT_EQ(command.finish().signal, SIGKILL);
      }
      if (moment > 0) {
        // As if the machine had stopped in the middle of a line.
        scratch_.write(name + "/metrics.jsonl",
                       scratch_.read(name + "/metrics.jsonl") + "{\"step\": 61, \"epo");
      }
      const Outcome outcome = run(resume(model, name, {}));
      if (outcome.code != 0) {
        EXPECT_LT(moment, 0) << "there must be a checkpoint";
        EXPECT_EQ(outcome.code, 1);
        expect_line(outcome.err, {name});
        continue;
      }
      ++went_on;
      expect_same_bits(whole, name);
      const auto lines = metrics(name);
      ASSERT_FALSE(lines.empty());
      EXPECT_EQ(lines.back()["step"], 60);
      EXPECT_EQ(lines.size(), metrics(whole).size());
    }
    EXPECT_GE(went_on, 3);
  }
}

}  // namespace
}  // namespace burin::test
