// What `evaluate` measures, and what it refuses.
#include <cmath>

#include "tests/command/command_case.h"

namespace burin::test {
namespace {

using nlohmann::json;

class Evaluate : public CommandTest {
 protected:
  Evaluate() {
    expect_success(gan("gan", {"--steps", "30"}));
    expect_success(vae("vae", {"--steps", "30"}));
    setenv("XDG_CACHE_HOME", scratch_.path("cache").c_str(), 1);
    write_data(scratch_, "more", 5, 7, 300, 140);  // enough for every metric
  }
  json evaluate(const Arguments& arguments) const {
    return json::parse(expect_success(Arguments{"evaluate"} + arguments + Arguments{"--json"}).out);
  }
};

TEST_F(Evaluate, DigitsAreAHistogram) {
  const json digits = evaluate({"gan", "--count", "200"})["digits"];
  double total = 0;
  for (const json& fraction : digits["histogram"]) total += fraction.get<double>();
  EXPECT_NEAR(total, 1.0, 1e-9);
  EXPECT_GT(digits["confidence"].get<double>(), 0.0);
  EXPECT_LE(digits["confidence"].get<double>(), 1.0);
  EXPECT_EQ(digits["count"], 200);
  EXPECT_EQ(digits["histogram"].size(), digits["test_images"]["histogram"].size());
  EXPECT_EQ(evaluate({"gan", "--count", "200"})["digits"], digits);
  EXPECT_NE(evaluate({"gan", "--count", "200", "--seed", "2"})["digits"], digits);
}

TEST_F(Evaluate, TheElboIsThatOfTheTraining) {
  const json trained =
      json::parse(expect_success({"train", "vae", "--out", "vae", "--resume", "--json"}).out);
  const json result = evaluate({"vae", "--metrics", "elbo"});
  EXPECT_EQ(result["elbo"]["test"], trained["losses"]["test_elbo"]);
  EXPECT_NE(result["elbo"]["train"], result["elbo"]["test"]);
  EXPECT_DOUBLE_EQ(result["elbo"]["noise"].get<double>(), -35 * std::log(2.0));
  EXPECT_FALSE(result.contains("digits"));
  EXPECT_TRUE(evaluate({"vae", "--count", "50"}).contains("digits"));
}

TEST_F(Evaluate, NllFallsWithTheSamples) {
  const json result = evaluate({"vae", "--metrics", "nll,elbo", "--k", "300,1,20"});
  EXPECT_EQ(result["likelihood_samples"]["test"], 40);
  EXPECT_EQ(result["likelihood_samples"]["nll_train"], 300);
  EXPECT_FALSE(result.contains("digits"));
  const json& curve = result["nll"]["curve"];
  ASSERT_EQ(curve.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(curve[i]["k"], (std::vector{1, 20, 300})[i]);
    EXPECT_GT(curve[i]["error"].get<double>(), 0.0);
    if (i == 0) continue;
    EXPECT_LT(curve[i]["test"].get<double>(), curve[i - 1]["test"].get<double>());
    EXPECT_LT(curve[i]["train"].get<double>(), curve[i - 1]["train"].get<double>());
  }
  EXPECT_NEAR(curve[0]["test"].get<double>(), -result["elbo"]["test"].get<double>(), 2.0);
  // A run for itself, and fewer images.
  const json alone = evaluate({"vae", "--metrics", "nll", "--k", "20", "--train-images", "7"});
  EXPECT_EQ(alone["nll"]["curve"][0]["test"], curve[1]["test"]);
  EXPECT_NE(alone["nll"]["curve"][0]["train"], curve[1]["train"]);
  EXPECT_EQ(alone["likelihood_samples"]["nll_train"], 7);
  EXPECT_EQ(evaluate({"--metrics", "nll", "--k", "20", "vae"})["nll"]["curve"][0], curve[1]);
  EXPECT_EQ(evaluate({"vae", "--metrics", "nll"})["nll"]["curve"][0]["k"], 500);
  EXPECT_FALSE(evaluate({"vae", "--count", "50"}).contains("nll"));
  const std::string text =
      expect_success({"evaluate", "vae", "--metrics", "nll", "--k", "7,9"}).out;
  for (const char* part : {"NLL, k = 7", "NLL, k = 9", "test", "train", "noise", "+-"}) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  }
}

TEST_F(Evaluate, TheFirstImagesAlone) {
  const Arguments few = {"vae", "--metrics", "elbo,nll,kl", "--k", "20", "--images", "10"};
  const json part = evaluate(few);
  EXPECT_EQ(part["likelihood_samples"]["test"], 10);
  EXPECT_EQ(evaluate({"vae", "--metrics", "kl,nll,elbo", "--k", "20", "--images", "10"}), part);
  const json all = evaluate({"vae", "--metrics", "elbo,nll,kl", "--k", "20"});
  EXPECT_EQ(all["likelihood_samples"]["test"], 40);
  for (const char* metric : {"elbo", "kl"}) EXPECT_NE(all[metric]["test"], part[metric]["test"]);
  EXPECT_NE(all["nll"]["curve"][0]["test"], part["nll"]["curve"][0]["test"]);
  EXPECT_EQ(evaluate({"vae", "--metrics", "elbo,nll,kl", "--k", "20", "--images", "40"}), all);
}

// Every metric, its floor and its ceiling, its samples and seeds.
TEST_F(Evaluate, AllOfTheProtocol) {
  const Arguments arguments = {"vae",     "--metrics", "all", "--data", "more",
                               "--count", "150",       "--k", "5"};
  const json result = evaluate(arguments);
  EXPECT_EQ(result["samples"], (json{{"generated", 150},
                                     {"seed", 1},
                                     {"test", 140},
                                     {"train", 150},
                                     {"noise", 150},
                                     {"noise_seed", 1}}));
  EXPECT_EQ(result["likelihood_samples"]["seed"], 20080101);
  EXPECT_EQ(result["classifier"]["hash"].get<std::string>().size(), 32u);
  EXPECT_EQ(result["classifier"]["layers"], (std::vector{35, 256, 128, 10}));
  for (const char* metric : {"fd-mlp", "fd-rand"}) {
    const json& row = result[metric];
    EXPECT_GT(row["train"].get<double>(), 0.0) << metric;
    EXPECT_GT(row["noise"].get<double>(), row["train"].get<double>()) << metric;
    EXPECT_GT(row["generated"].get<double>(), row["train"].get<double>()) << metric;
  }
  EXPECT_EQ(result["fd-rand"]["seeds"], (std::vector{1, 2, 3, 4, 5}));
  EXPECT_GT(result["fd-rand"]["deviation"].get<double>(), 0.0);
  EXPECT_GT(result["kid"]["noise"]["value"].get<double>(),
            result["kid"]["train"]["value"].get<double>());
  EXPECT_GT(result["prdc"]["train"]["coverage"].get<double>(), 0.8);
  EXPECT_LT(result["prdc"]["noise"]["coverage"].get<double>(), 0.2);
  EXPECT_GT(result["parzen"]["train"]["value"].get<double>(),
            result["parzen"]["noise"]["value"].get<double>());
  EXPECT_GT(result["kl"]["test"].get<double>(), 0.0);
  EXPECT_EQ(result["active"]["latent"], 3);
  EXPECT_TRUE(result["digits"].contains("noise"));
  EXPECT_EQ(evaluate(arguments), result);

  const std::string text = expect_success(Arguments{"evaluate"} + arguments).out;
  for (const char* part : {"ELBO", "NLL, k = 5", "KL", "active units of 3", "fd-mlp", "fd-rand",
                           "kid", "precision", "recall", "density", "coverage",
                           "parzen (historical)", "not a convolutional network", "hash"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " in\n" << text;
  }
  const json of_gan = evaluate({"gan", "--metrics", "all", "--data", "more", "--count", "150"});
  EXPECT_TRUE(of_gan.contains("prdc"));
  EXPECT_FALSE(of_gan.contains("elbo"));
  EXPECT_EQ(of_gan["fd-mlp"]["train"], result["fd-mlp"]["train"]);
}

TEST_F(Evaluate, ADamagedClassifierIsTrainedAnew) {
  const Arguments arguments = {"evaluate", "gan",     "--metrics", "kid",   "--cache",
                               "kept",     "--count", "20",        "--json"};
  const std::string first = expect_success(arguments).out;
  std::string file;
  for (const auto& entry : std::filesystem::directory_iterator(scratch_.path("kept"))) {
    file = "kept/" + entry.path().filename().string();
  }
  const std::string good = scratch_.read(file);
  flip_bit(file, 0.7);
  const Outcome outcome = expect_success(arguments);
  expect_line(outcome.err, {file, "damaged", "trained anew"});
  EXPECT_EQ(outcome.out, first);
  EXPECT_EQ(scratch_.read(file), good);
  EXPECT_EQ(expect_success(arguments).err, "");
}

// On a terminal; in a pipe nothing is said of what takes no time.
TEST_F(Evaluate, NllSaysHowFarItIs) {
  const Arguments arguments = {"evaluate", "vae",  "--metrics",      "nll",
                               "--k",      "1000", "--train-images", "10"};
  const Outcome outcome =
      Command(scratch_.directory(), arguments, Command::Errors::terminal).finish();
  EXPECT_EQ(outcome.code, 0);
  EXPECT_NE(outcome.err.find("50000/50000"), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find(" left"), std::string::npos) << outcome.err;
  EXPECT_EQ(expect_success(arguments).err, "");
}

// In a pipe as objects, one a line, with --json; it would take minutes.
TEST_F(Evaluate, NllSaysHowFarItIsAsJson) {
  Command command(scratch_.directory(),
                  {"evaluate", "vae", "--metrics", "nll", "--k", "1000000", "--json"});
  ASSERT_TRUE(command.wait_for("}\n"));
  command.send(SIGKILL);
  const std::string err = command.finish().err;
  const json line = json::parse(err.substr(0, err.find('\n')));
  EXPECT_EQ(line["progress"], "nll: evaluation");
  EXPECT_EQ(line["total"], 340 * 1000000);
  EXPECT_GT(line["done"].get<int64_t>(), 0);
  EXPECT_GT(line["seconds_left"].get<double>(), 0.0);
}

TEST_F(Evaluate, RefusesTooFewImages) {
  const auto metric = [](const char* name) {
    return Arguments{"evaluate", "gan", "--metrics", name};
  };
  for (const char* name : {"fd-mlp", "fd-rand"}) {
    expect_refused(metric(name) + Arguments{"--data", "more", "--count", "128"}, 2,
                   {"--count", name, "129", "128"});
    expect_refused(metric(name), 1, {"data", name, "129 test images", "40"});
  }
  expect_refused(metric("kid") + Arguments{"--count", "1"}, 2, {"--count", "kid", "at least 2"});
  expect_refused(metric("prdc") + Arguments{"--count", "5"}, 2, {"--count", "prdc", "at least 6"});
  expect_refused({"evaluate", "vae", "--metrics", "active", "--images", "1"}, 2,
                 {"--images", "active", "at least 2"});
}

TEST_F(Evaluate, RefusesWhatItCannotMeasure) {
  expect_refused({"evaluate", "gan", "--metrics", "kl"}, 2, {"--metrics", "gan", "kl", "vae"});
  expect_refused({"evaluate", "gan", "--metrics", "active"}, 2, {"--metrics", "gan", "active"});
  expect_refused({"evaluate", "vae", "--metrics", "kid,elbo,kid"}, 2, {"kid", "twice"});
  expect_refused({"evaluate", "vae", "--metrics", "nll", "--k", "5,7,5"}, 2, {"--k", "5", "twice"});
  expect_refused({"evaluate", "vae", "--metrics", "nll", "--k", "5,0"}, 2, {"--k", "0"});
  expect_refused({"evaluate", "vae", "--metrics", "nll", "--train-images", "0"}, 2,
                 {"--train-images", "0"});
  expect_refused({"evaluate", "gan", "--metrics", "elbo"}, 2, {"--metrics", "gan", "vae"});
  expect_refused({"evaluate", "gan", "--metrics", "nll"}, 2, {"--metrics", "gan", "nll", "vae"});
  for (const char* k : {"0", "-1", "x", "1000001"}) {
    expect_refused({"evaluate", "vae", "--metrics", "nll", "--k", k}, 2, {"--k", k});
  }
  expect_refused({"evaluate", "vae", "--metrics", "nll", "--images", "0"}, 2, {"--images"});
  expect_refused({"evaluate", "vae", "--metrics", "nll", "--images", "41"}, 2,
                 {"--images", "41", "40", "data"});
  expect_refused({"evaluate", "vae", "--metrics", "fid"}, 2,
                 {"--metrics", "fid", "elbo", "digits"});
  expect_refused({"evaluate", "gan", "--count", "0"}, 2, {"--count"});
  expect_refused({"evaluate", "gan", "--seed", "-1"}, 2, {"--seed", "-1"});
  expect_refused({"evaluate", "nothing"}, 1, {"nothing"});
  write_data(scratch_, "other", 6, 6);
  expect_refused({"evaluate", "gan", "--data", "other"}, 1, {"other", "36", "35"});
}

}  // namespace
}  // namespace burin::test
