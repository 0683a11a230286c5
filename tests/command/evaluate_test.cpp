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

TEST_F(Evaluate, RefusesWhatItCannotMeasure) {
  expect_refused({"evaluate", "gan", "--metrics", "elbo"}, 2, {"--metrics", "gan", "vae"});
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
