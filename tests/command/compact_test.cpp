// burin compact: the same pictures from less, and what it refuses.
#include "engine/io/png.h"
#include "tests/command/command_case.h"

namespace burin::test {
namespace {

using nlohmann::json;

// Runs with zeros: three quarters of the weights of what makes pictures.
class Compact : public CommandTest {
 protected:
  static Arguments sparse(const std::string& model, const std::string& out) {
    return train(model, out,
                 {"--steps", "30", "--l1", "1e-3", "--l1-epochs", "1", "--l1-cut", "0.75"});
  }
  json compact(const std::string& run, const Arguments& more = {}) const {
    const Outcome outcome = expect_success(
        Arguments{"compact", run, "--rounds", "1", "--count", "20", "--json"} + more);
    EXPECT_EQ(outcome.err, "");
    return json::parse(outcome.out);
  }
  // Pictures may differ by a rounding to a byte.
  void expect_same_pictures(const std::string& a, const std::string& b,
                            const Arguments& more) const {
    expect_success(Arguments{"sample", a, "--out", "a.png"} + more);
    expect_success(Arguments{"sample", b, "--out", "b.png"} + more);
    const GrayImage first = read_png(scratch_.path("a.png")),
                    second = read_png(scratch_.path("b.png"));
    ASSERT_EQ(first.pixels.size(), second.pixels.size());
    int different = 0;
    for (size_t i = 0; i < first.pixels.size(); ++i) {
      EXPECT_NEAR(first.pixels[i], second.pixels[i], 1);
      different += first.pixels[i] != second.pixels[i] ? 1 : 0;
    }
    EXPECT_LE(different, 4 * 8);  // 8 pixels, each drawn 2 x 2
  }
};

TEST_F(Compact, AGansGeneratorMakesTheSamePictures) {
  expect_success(sparse("gan", "run"));
  const json result = compact("run");
  EXPECT_EQ(result["out"], "run/compact.safetensors");
  EXPECT_EQ(result["model"], "gan");
  EXPECT_EQ(result["latents"]["before"], 4);
  EXPECT_EQ(result["layers"].size(), 3u);
  // 4-8-6-35: 35 + 54 + 245 weights and biases, of which a good quarter is left.
  EXPECT_EQ(result["parameters"]["dense"], 4 * 8 + 8 + 8 * 6 + 6 + 6 * 35 + 35);
  EXPECT_LE(result["parameters"]["compact"], 290 / 4 + 49 + 1);
  EXPECT_EQ(result["multiply_adds"]["generator"]["dense"], 4 * 8 + 8 * 6 + 6 * 35);
  EXPECT_EQ(result["bytes"]["compact"], scratch_.read("run/compact.safetensors").size());
  for (const json& proof : result["proof"]) EXPECT_LE(proof["largest_share"], 1.0);
  EXPECT_GT(result["sampling"]["ratio"]["median"], 0.0);
  for (const Arguments& more : {Arguments{"--seed", "3"}, Arguments{"--interpolate"}}) {
    expect_same_pictures("run", "run/compact.safetensors", more);
  }
  const json info = json::parse(expect_success({"info", "run/compact.safetensors", "--json"}).out);
  EXPECT_EQ(info["step"], 30);
  EXPECT_EQ(info["compact"]["latents"], result["latents"]["after"]);
  EXPECT_EQ(info["layers"].size(), 3u);
}

TEST_F(Compact, AVaeIsSampledReconstructedAndEvaluated) {
  expect_success(sparse("vae", "run"));
  const json result = compact("run", {"--out", "small/"});
  EXPECT_EQ(result["out"], "small/checkpoint.safetensors");
  EXPECT_EQ(result["proof"].size(), 3u);
  EXPECT_TRUE(result.contains("encoding"));
  expect_same_pictures("run", "small", {});
  expect_same_pictures("run", "small", {"--reconstruct"});
  const Arguments more = {"--metrics", "elbo", "--json"};
  const json before = json::parse(expect_success(Arguments{"evaluate", "run"} + more).out);
  const json after = json::parse(expect_success(Arguments{"evaluate", "small"} + more).out);
  // Latent units that went cost no KL any more.
  EXPECT_GE(after["elbo"]["test"].get<double>(), before["elbo"]["test"].get<double>() - 1e-3);
  const Outcome table = expect_success({"compact", "run", "--rounds", "1", "--count", "5"});
  for (const char* word :
       {"encoder.mean+logvar", "sampling", "encoding", "latent units", "ratio"}) {
    EXPECT_NE(table.out.find(word), std::string::npos) << word << " in\n" << table.out;
  }
  scratch_.write("small/config.json", scratch_.read("run/config.json"));
  expect_refused({"train", "vae", "--out", "small", "--resume"}, 1,
                 {"small/checkpoint.safetensors", "compact model", "cannot be trained"});
}

TEST_F(Compact, WithoutZerosThereIsNothingToDo) {
  expect_success(gan("run", {"--steps", "3", "--l1", "0"}));
  const auto before = snapshot();
  const Outcome outcome = expect_success({"compact", "run"});
  EXPECT_NE(outcome.out.find("no weight of the generator is zero"), std::string::npos);
  EXPECT_NE(outcome.out.find("nothing is written"), std::string::npos);
  EXPECT_EQ(compact("run")["out"], nullptr);
  EXPECT_TRUE(snapshot() == before);
}

TEST_F(Compact, RefusesWhatItCannotDo) {
  expect_success(sparse("vae", "run"));
  expect_refused({"compact", "nowhere"}, 1, {"nowhere"});
  expect_refused({"compact", "data"}, 1, {"data", "checkpoint.safetensors"});
  expect_refused({"compact"}, 2, {"path"});
  expect_refused({"compact", "run", "--network", "generator"}, 2,
                 {"--network", "generator", "vae", "encoder, decoder"});
  expect_refused({"compact", "run", "--out", ""}, 2, {"--out", "empty"});
  expect_refused({"compact", "run", "--out", "run"}, 2, {"--out", "run/checkpoint.safetensors"});
  expect_refused({"compact", "run", "--out", "run", "--overwrite"}, 2,
                 {"--out", "run/checkpoint.safetensors"});
  expect_refused({"compact", "run", "--count", "0"}, 2, {"--count", "0"});
  expect_refused({"compact", "run", "--rounds", "0"}, 2, {"--rounds", "0"});
  expect_refused({"compact", "run", "--threads", "-1"}, 2, {"--threads", "-1"});
  expect_refused({"compact", "run", "--data", "nowhere"}, 1, {"nowhere"});
  expect_refused({"compact", "run", "--out", "data/train-images-idx3-ubyte/x"}, 1,
                 {"data/train-images-idx3-ubyte"});
  write_data(scratch_, "other", 6, 6);
  expect_refused({"compact", "run", "--data", "other"}, 1, {"other", "6 x 6", "5 x 7"});

  compact("run");
  expect_refused({"compact", "run"}, 2, {"--out", "run/compact.safetensors", "--overwrite"});
  compact("run", {"--overwrite"});
  expect_refused({"compact", "run/compact.safetensors"}, 2, {"compact model already"});
  // A file that is damaged anywhere is refused by all who read it.
  const std::string whole = scratch_.read("run/compact.safetensors");
  for (const double place : {0.0, 0.02, 0.5, 1.0}) {
    scratch_.write("run/compact.safetensors", whole);
    flip_bit("run/compact.safetensors", place);
    expect_refused({"sample", "run/compact.safetensors"}, 1, {"run/compact.safetensors"});
  }
  scratch_.write("run/compact.safetensors", std::string_view(whole).substr(0, whole.size() / 2));
  expect_refused({"info", "run/compact.safetensors"}, 1, {"run/compact.safetensors"});
}

}  // namespace
}  // namespace burin::test
