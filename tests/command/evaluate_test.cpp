// What `evaluate` measures, and what it refuses.
#include <numeric>

#include "tests/command/command_case.h"

namespace burin::test {
namespace {

using nlohmann::json;

class Evaluate : public CommandTest {
 protected:
  Evaluate() {
    expect_success(gan("gan", {"--steps", "30"}));
    expect_success(vae("vae", {"--steps", "30"}));
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
  EXPECT_EQ(result["elbo"], trained["losses"]["test_elbo"]);
  EXPECT_FALSE(result.contains("digits"));
  EXPECT_TRUE(evaluate({"vae", "--count", "50"}).contains("digits"));
}

TEST_F(Evaluate, NllFallsWithTheSamples) {
  const json one = evaluate({"vae", "--metrics", "nll,elbo", "--k", "1"});
  EXPECT_EQ(one["k"], 1);
  EXPECT_EQ(one["images"], 40);
  EXPECT_FALSE(one.contains("digits"));
  const json many = evaluate({"vae", "--metrics", "nll", "--k", "300"});
  EXPECT_EQ(many["k"], 300);
  EXPECT_FALSE(many.contains("elbo"));
  EXPECT_GT(many["nll"].get<double>(), 0.0);
  EXPECT_LT(many["nll"].get<double>(), one["nll"].get<double>());
  EXPECT_NEAR(one["nll"].get<double>(), -one["elbo"].get<double>(), 2.0);
  EXPECT_EQ(evaluate({"vae", "--metrics", "nll"})["k"], 500);
  EXPECT_FALSE(evaluate({"vae", "--count", "50"}).contains("nll"));
  const std::string text = expect_success({"evaluate", "vae", "--metrics", "nll", "--k", "7"}).out;
  EXPECT_NE(text.find("NLL"), std::string::npos) << text;
  EXPECT_NE(text.find("k = 7"), std::string::npos) << text;
}

TEST_F(Evaluate, TheFirstImagesAlone) {
  const json part = evaluate({"vae", "--metrics", "elbo,nll", "--k", "20", "--images", "10"});
  EXPECT_EQ(part["images"], 10);
  EXPECT_EQ(evaluate({"vae", "--metrics", "nll,elbo", "--k", "20", "--images", "10"}), part);
  const json all = evaluate({"vae", "--metrics", "elbo,nll", "--k", "20"});
  EXPECT_EQ(all["images"], 40);
  EXPECT_NE(all["nll"], part["nll"]);
  EXPECT_NE(all["elbo"], part["elbo"]);
  EXPECT_EQ(evaluate({"vae", "--metrics", "elbo,nll", "--k", "20", "--images", "40"}), all);
}

// On a terminal; in a pipe nothing is said of what takes no time.
TEST_F(Evaluate, NllSaysHowFarItIs) {
  const Arguments arguments = {"evaluate", "vae", "--metrics", "nll", "--k", "1000"};
  const Outcome outcome =
      Command(scratch_.directory(), arguments, Command::Errors::terminal).finish();
  EXPECT_EQ(outcome.code, 0);
  EXPECT_NE(outcome.err.find("40000/40000"), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find(" left"), std::string::npos) << outcome.err;
  EXPECT_EQ(expect_success(arguments).err, "");
}

TEST_F(Evaluate, RefusesWhatItCannotMeasure) {
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
