// A whole training run: what is in its directory, what is printed, and that it can be repeated.
#include "engine/io/png.h"
#include "tests/command/command_case.h"

namespace burin::test {
namespace {

using nlohmann::json;
using WholeRun = CommandTest;

std::vector<std::string> keys(const json& object) {
  std::vector<std::string> names;
  for (const auto& [key, value] : object.items()) names.push_back(key);
  return names;
}

json parse_result(const std::string& out) {
  EXPECT_EQ(out.find('\n'), out.size() - 1) << out;
  const json result = json::parse(out, nullptr, false);
  EXPECT_TRUE(result.is_object()) << out;
  return result;
}

TEST_F(WholeRun, ResultIsOneJsonLine) {
  for (const char* model : {"gan", "vae"}) {
    const Outcome outcome = expect_success(train(model, model, {"--steps", "40", "--json"}));
    const json result = parse_result(outcome.out);
    EXPECT_EQ(keys(result),
              (std::vector<std::string>{"epochs", "images_per_s", "losses", "model", "out",
                                        "preset", "seconds", "steps", "zeros"}));
    EXPECT_EQ(result["model"], model);
    EXPECT_EQ(result["preset"], std::string("mnist-") + model);
    EXPECT_EQ(result["steps"], 40);
    EXPECT_DOUBLE_EQ(result["epochs"].get<double>(), 40.0 / 18);  // 300 images, 16 a step
    EXPECT_GT(result["seconds"].get<double>(), 0);
    EXPECT_GT(result["images_per_s"].get<double>(), 0);
    EXPECT_EQ(result["out"], model);
    const bool is_gan = std::string(model) == "gan";
    EXPECT_EQ(keys(result["losses"]),
              (is_gan ? std::vector<std::string>{"discriminator", "generator"}
                      : std::vector<std::string>{"kl", "reconstruction", "test_elbo"}));
    EXPECT_EQ(keys(result["zeros"]),
              (is_gan ? std::vector<std::string>{"discriminator", "generator"}
                      : std::vector<std::string>{"decoder", "encoder"}));
    for (const auto& [name, loss] : result["losses"].items()) EXPECT_TRUE(loss.is_number()) << name;
    if (!is_gan) {
      EXPECT_LT(result["losses"]["test_elbo"].get<double>(), 0);
      EXPECT_GT(result["losses"]["test_elbo"].get<double>(), -35.0);  // 35 pixels, under 1 nat each
    }
  }
}

TEST_F(WholeRun, LambdaMakesZeros) {
  const json with =
      parse_result(expect_success(vae("a", {"--steps", "200", "--l1", "0.1", "--json"})).out);
  EXPECT_GT(with["zeros"]["encoder"].get<double>(), 0.2);
  EXPECT_GT(with["zeros"]["decoder"].get<double>(), 0.2);
  const json one = parse_result(
      expect_success(vae("b", {"--steps", "200", "--l1", "0.1", "--l1-encoder", "0", "--json"}))
          .out);
  EXPECT_EQ(one["zeros"]["encoder"], 0.0);
  EXPECT_GT(one["zeros"]["decoder"].get<double>(), 0.2);
}

TEST_F(WholeRun, DirectoryHoldsWhatItShould) {
  expect_success(gan("run", {"--steps", "40", "--log-every", "10", "--l1", "0.05"}));
  const auto files = snapshot("run");
  EXPECT_EQ(files.size(), 7u);
  for (const char* name :
       {"run/config.json", "run/metrics.jsonl", "run/checkpoint.safetensors", "run/samples",
        "run/samples/000018.png", "run/samples/000036.png", "run/samples/000040.png"}) {
    EXPECT_TRUE(files.contains(name)) << name;
  }
  const GrayImage grid = read_png(scratch_.path("run/samples/000040.png"));
  EXPECT_EQ(grid.width, 8 * 7 * 2 + 9 * 2);
  EXPECT_EQ(grid.height, 8 * 5 * 2 + 9 * 2);
  EXPECT_NE(files.at("run/samples/000018.png"), files.at("run/samples/000040.png"));

  const std::vector<json> lines = metrics("run");
  std::vector<int64_t> steps;
  for (const json& line : lines) {
    steps.push_back(line["step"].get<int64_t>());
    EXPECT_EQ(keys(line),
              (std::vector<std::string>{"epoch", "gradient_norm", "images_per_s", "l1", "lambda",
                                        "learning_rate", "losses", "seconds", "step", "zeros"}));
    EXPECT_DOUBLE_EQ(line["epoch"].get<double>(), line["step"].get<double>() / 18);
    EXPECT_EQ(keys(line["zeros"]),
              (std::vector<std::string>{"discriminator.0", "discriminator.1", "generator.0",
                                        "generator.1", "generator.2"}));
    for (const char* what : {"losses", "l1", "gradient_norm"}) {
      EXPECT_EQ(keys(line[what]), (std::vector<std::string>{"discriminator", "generator"}));
      for (const auto& [name, value] : line[what].items()) EXPECT_TRUE(value.is_number()) << line;
    }
    for (const auto& [name, value] : line["zeros"].items()) {
      EXPECT_GE(value.get<double>(), 0);
      EXPECT_LE(value.get<double>(), 1);
    }
  }
  EXPECT_EQ(steps, (std::vector<int64_t>{10, 18, 20, 30, 36, 40}));
}

TEST_F(WholeRun, CheckpointHasLinearLayersOfPyTorch) {
  const auto expect_shapes = [&](const std::string& run,
                                 const std::map<std::string, std::vector<int64_t>>& expected) {
    const auto file = SafetensorsFile::load(scratch_.path(run + "/checkpoint.safetensors"));
    EXPECT_TRUE(file.has_content_hash());
    std::map<std::string, std::vector<int64_t>> found;
    size_t states = 0;
    for (const std::string& name : file.names()) {
      if (name.starts_with("optimizer.")) ++states;
      if (!name.starts_with("optimizer.") && !name.starts_with("average.")) {
        found[name] = file.shape(name);
      }
    }
    EXPECT_EQ(found, expected);
    EXPECT_EQ(states, 2 * expected.size());  // Adam's two moments
    for (const auto& [name, shape] : expected) {
      double sum = 0;
      for (int64_t i = 0; i < file.size(name); ++i) sum += std::abs(double{file.data(name)[i]});
      EXPECT_GT(sum, 0) << name;
      EXPECT_TRUE(std::isfinite(sum)) << name;
    }
  };
  expect_success(gan("gan", {"--steps", "5"}));
  expect_shapes("gan", {{"generator.0.weight", {8, 4}},
                        {"generator.0.bias", {8}},
                        {"generator.1.weight", {6, 8}},
                        {"generator.1.bias", {6}},
                        {"generator.2.weight", {35, 6}},
                        {"generator.2.bias", {35}},
                        {"discriminator.0.weight", {8, 35}},
                        {"discriminator.0.bias", {8}},
                        {"discriminator.1.weight", {1, 8}},
                        {"discriminator.1.bias", {1}}});
  expect_success(vae("vae", {"--steps", "5"}));
  expect_shapes("vae", {{"encoder.0.weight", {8, 35}},
                        {"encoder.0.bias", {8}},
                        {"encoder.mean.weight", {3, 8}},
                        {"encoder.mean.bias", {3}},
                        {"encoder.logvar.weight", {3, 8}},
                        {"encoder.logvar.bias", {3}},
                        {"decoder.0.weight", {9, 3}},
                        {"decoder.0.bias", {9}},
                        {"decoder.1.weight", {35, 9}},
                        {"decoder.1.bias", {35}}});
}

TEST_F(WholeRun, ConfigurationRepeatsTheRun) {
  for (const char* model : {"gan", "vae"}) {
    SCOPED_TRACE(model);
    const std::string name = model;
    // Settings that differ from every preset's, so that one left out would be seen.
    expect_success(
        train(model, name,
              {"--steps",      "25",      "--seed",        "7",         "--lr",          "0.0123",
               "--l1",         "0.0031",  "--l1-mode",     "decoupled", "--beta1",       "0.7",
               "--activation", "sigmoid", "--lr-schedule", "linear",    "--decay-until", "1.5",
               "--lr-final",   "0.3",     "--init",        "xavier",    "--log-every",   "3",
               "--slope",      "0.11"}));
    const json config = json::parse(scratch_.read(name + "/config.json"));
    EXPECT_EQ(config["model"], name);
    EXPECT_EQ(config["steps"], 25);
    EXPECT_EQ(config["lr"], 0.0123);
    // Each flag of the help is in the file, but for those that are not settings.
    const std::string help = run({"train", model, "--help"}).out;
    size_t settings = 0;
    for (size_t at = 0; (at = help.find("\n  --", at)) != std::string::npos; ++at) {
      std::string key = help.substr(at + 5, help.find(' ', at + 5) - at - 5);
      std::replace(key.begin(), key.end(), '-', '_');
      // Nor are texts that were not set.
      const std::initializer_list<std::string_view> others = {
          "config", "out", "resume", "overwrite", "json", "l1", "l1_layers", "init_from"};
      if (std::find(others.begin(), others.end(), key) != others.end()) continue;
      EXPECT_TRUE(config.contains(key)) << key;
      ++settings;
    }
    EXPECT_EQ(settings + 1, config.size());  // and "model"

    expect_success({"train", model, "--config", name + "/config.json", "--out", name + "-again"});
    expect_same_bits(name, name + "-again");
    EXPECT_EQ(scratch_.read(name + "/config.json"), scratch_.read(name + "-again/config.json"));
    EXPECT_EQ(scratch_.read(name + "/samples/000025.png"),
              scratch_.read(name + "-again/samples/000025.png"));
    const auto first = metrics(name), second = metrics(name + "-again");
    ASSERT_EQ(first.size(), second.size());
    for (size_t i = 0; i < first.size(); ++i) {
      for (const char* what : {"step", "losses", "l1", "zeros", "gradient_norm"}) {
        EXPECT_EQ(first[i][what], second[i][what]) << what;
      }
    }
  }
}

TEST_F(WholeRun, CommandLineWinsOverFileOverPreset) {
  scratch_.write("settings.json", R"({"preset": "doc003-gan", "lr": 0.5, "seed": 3, "epochs": 9})");
  expect_success(gan("run", {"--config", "settings.json", "--seed", "4", "--steps", "1"}));
  const json config = json::parse(scratch_.read("run/config.json"));
  EXPECT_EQ(config["preset"], "doc003-gan");
  EXPECT_EQ(config["l1_generator"], 0.01);  // of the preset
  EXPECT_EQ(config["lr"], 0.5);
  EXPECT_EQ(config["seed"], 4);
  EXPECT_EQ(config["steps"], 1);
  expect_success(
      gan("both", {"--config", "settings.json", "--preset", "doc000-gan", "--steps", "1"}));
  EXPECT_EQ(json::parse(scratch_.read("both/config.json"))["preset"], "doc000-gan");
  EXPECT_EQ(json::parse(scratch_.read("both/config.json"))["l1_generator_output"], 0.01);
  expect_success(gan("steps", {"--config", "run/config.json", "--epochs", "1", "--json"}));
  EXPECT_EQ(metrics("steps").back()["step"], 18);
}

TEST_F(WholeRun, ThreadsDoNotChangeBitsButSeedsDo) {
  write_data(scratch_, "data", 28, 28, 120, 30);
  for (const char* model : {"gan", "vae"}) {
    SCOPED_TRACE(model);
    const std::string name = model;
    const Arguments base = {"train", model,      "--data", "data",    "--steps",
                            "24",    "--latent", "20",     "--batch", "60"};
    expect_success(base + Arguments{"--out", name + "1", "--threads", "1"});
    expect_success(base + Arguments{"--out", name + "2", "--threads", "2"});
    expect_success(base + Arguments{"--out", name + "3", "--threads", "3"});
    expect_same_bits(name + "1", name + "2");
    expect_same_bits(name + "1", name + "3");
    expect_success(base + Arguments{"--out", name + "s", "--threads", "1", "--seed", "2"});
    EXPECT_NE(scratch_.read(name + "1/samples/000024.png"),
              scratch_.read(name + "s/samples/000024.png"));
    const auto a = SafetensorsFile::load(scratch_.path(name + "1/checkpoint.safetensors"));
    const auto b = SafetensorsFile::load(scratch_.path(name + "s/checkpoint.safetensors"));
    const std::string weight = name == "gan" ? "generator.0.weight" : "decoder.0.weight";
    EXPECT_NE(std::memcmp(a.data(weight), b.data(weight), sizeof(float) * 10), 0);
  }
}

TEST_F(WholeRun, PresetsOfTheDocuments) {
  for (const char* preset : {"doc000-gan", "doc000-vae", "doc003-gan"}) {
    const std::string name = preset;
    const json result =
        parse_result(expect_success({"train", name.substr(7), "--preset", preset, "--data", "data",
                                     "--steps", "2", "--out", name, "--json"})
                         .out);
    EXPECT_EQ(result["preset"], preset);
    EXPECT_EQ(result["steps"], 2);
  }
}

TEST_F(WholeRun, BundledImagesNeedNoFlag) {
  const json result = parse_result(expect_success({"train", "vae", "--steps", "3", "--json"}).out);
  EXPECT_EQ(result["out"], "runs/mnist-vae");
  const json config = json::parse(scratch_.read("runs/mnist-vae/config.json"));
  EXPECT_EQ(config["data"], BURIN_DATA_DIR);
  // Pixels that are independent, each with its mean for probability, are worth -206 nats.
  EXPECT_GT(result["losses"]["test_elbo"].get<double>(), -350);
  EXPECT_LT(result["losses"]["test_elbo"].get<double>(), -150);
}

TEST_F(WholeRun, ProgressIsPlainWhenPiped) {
  const Outcome outcome = expect_success(vae("run", {"--steps", "40", "--log-every", "5"}));
  EXPECT_EQ(outcome.err.find('\r'), std::string::npos) << outcome.err;
  EXPECT_EQ(outcome.err.find('\x1b'), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("step 40/40"), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.out.find("run/samples/000040.png"), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("exact zeros"), std::string::npos) << outcome.out;
}

TEST_F(WholeRun, ProgressIsLiveOnATerminal) {
  const Outcome outcome = Command(scratch_.directory(), gan("run", {"--steps", "60", "--json"}),
                                  Command::Errors::terminal)
                              .finish();
  EXPECT_EQ(outcome.code, 0);
  EXPECT_NE(outcome.err.find("\r█"), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find(" 60/60"), std::string::npos) << outcome.err;
  EXPECT_TRUE(outcome.err.ends_with('\n')) << "the next prompt begins on a line of its own";
  parse_result(outcome.out);
}

TEST_F(WholeRun, DefaultDirectoriesDoNotCollide) {
  const Arguments base = {"train", "gan", "--data", "data", "--batch", "16", "--steps", "1"};
  expect_success(base);
  expect_success(base);
  EXPECT_TRUE(std::filesystem::exists(scratch_.path("runs/mnist-gan/checkpoint.safetensors")));
  EXPECT_TRUE(std::filesystem::exists(scratch_.path("runs/mnist-gan-2/checkpoint.safetensors")));
}

TEST_F(WholeRun, DivergenceKeepsTheLastGoodCheckpoint) {
  for (const char* model : {"gan", "vae"}) {
    SCOPED_TRACE(model);
    expect_success(train(model, model, {"--steps", "6"}));
    const std::string checkpoint = std::string(model) + "/checkpoint.safetensors";
    const std::string before = scratch_.read(checkpoint);
    const Outcome outcome =
        run({"train", model, "--out", model, "--resume", "--steps", "900", "--lr", "1e30"});
    EXPECT_EQ(outcome.code, 1);
    EXPECT_EQ(outcome.out, "");
    const size_t line = outcome.err.rfind("burin: ");
    ASSERT_NE(line, std::string::npos) << outcome.err;
    expect_line(outcome.err.substr(line),
                {"step ", model == std::string("gan") ? "r" : "coder", "checkpoint", model});
    EXPECT_TRUE(scratch_.read(checkpoint) == before);
    expect_success({"info", model});
    metrics(model);  // whole lines
    expect_success({"train", model, "--out", model, "--resume", "--steps", "12", "--lr", "0.001"});
  }
}

}  // namespace
}  // namespace burin::test
