// Pictures from a trained model, and what `info` says about it.
#include "engine/io/png.h"
#include "tests/command/command_case.h"

namespace burin::test {
namespace {

using nlohmann::json;

class Sample : public CommandTest {
 protected:
  Sample() {
    expect_success(gan("gan", {"--steps", "30"}));
    expect_success(vae("vae", {"--steps", "30"}));
  }
  std::string sample(const std::string& model, const Arguments& more) const {
    const Outcome outcome = expect_success(Arguments{"sample", model, "--out", "grid.png"} + more);
    EXPECT_EQ(outcome.err, "");
    return scratch_.read("grid.png");
  }
  void expect_size(int64_t columns, int64_t rows) const {
    const GrayImage grid = read_png(scratch_.path("grid.png"));
    EXPECT_EQ(grid.width, columns * (7 * 2 + 2) + 2);
    EXPECT_EQ(grid.height, rows * (5 * 2 + 2) + 2);
  }
};

TEST_F(Sample, SeedsRepeat) {
  for (const char* model : {"gan", "vae"}) {
    const std::string first = sample(model, {"--seed", "3"});
    expect_size(8, 8);
    EXPECT_EQ(sample(model, {"--seed", "3"}), first);
    EXPECT_NE(sample(model, {"--seed", "4"}), first);
    EXPECT_EQ(sample(std::string(model) + "/checkpoint.safetensors", {"--seed", "3"}), first);
  }
}

TEST_F(Sample, CountsAndColumns) {
  sample("gan", {"--count", "1"});
  expect_size(1, 1);
  sample("gan", {"--count", "5", "--columns", "3"});
  expect_size(3, 2);
  const Outcome outcome =
      expect_success({"sample", "gan", "--count", "5", "--columns", "9", "--json"});
  const json result = json::parse(outcome.out);
  EXPECT_EQ(result["out"], "grid.png");
  EXPECT_EQ(result["tiles"], 5);
  EXPECT_EQ(result["step"], 30);
  expect_size(5, 1);
  expect_refused({"sample", "gan", "--count", "0"}, 2, {"--count", "0", "1"});
  expect_refused({"sample", "gan", "--count", "-3"}, 2, {"--count", "-3"});
  expect_refused({"sample", "gan", "--count", "x"}, 2, {"--count", "x"});
  expect_refused({"sample", "gan", "--columns", "0"}, 2, {"--columns", "0"});
  expect_refused({"sample", "gan", "--seed", "-1"}, 2, {"--seed", "-1"});
}

TEST_F(Sample, Interpolation) {
  for (const char* model : {"gan", "vae"}) {
    const std::string first = sample(model, {"--interpolate", "--count", "10", "--columns", "5"});
    expect_size(5, 2);
    EXPECT_EQ(sample(model, {"--interpolate", "--count", "10", "--columns", "5"}), first);
    sample(model, {"--interpolate", "--count", "1", "--columns", "1"});
    expect_size(1, 1);
  }
}

TEST_F(Sample, Reconstruction) {
  sample("vae", {"--reconstruct", "--count", "12", "--columns", "8"});
  expect_size(8, 4);  // two rows of originals, each with its reconstructions below
  const GrayImage grid = read_png(scratch_.path("grid.png"));
  const std::string test = scratch_.read("data/t10k-images-idx3-ubyte");
  for (int64_t i = 0; i < 35; ++i) {  // the first tile is the first test image, each pixel 2 x 2
    const int64_t x = 2 + i % 7 * 2, y = 2 + i / 7 * 2;
    EXPECT_NEAR(grid.pixels[static_cast<size_t>(y * grid.width + x)],
                static_cast<uint8_t>(test[16 + static_cast<size_t>(i)]), 1);
  }
  // More than there are: all 40 test images.
  const json result = json::parse(
      expect_success({"sample", "vae", "--reconstruct", "--count", "99", "--json"}).out);
  EXPECT_EQ(result["tiles"], 80);
  expect_refused({"sample", "gan", "--reconstruct"}, 2, {"--reconstruct", "gan", "vae"});
  expect_refused({"sample", "vae", "--reconstruct", "--interpolate"}, 2,
                 {"--reconstruct", "--interpolate"});
  write_data(scratch_, "turned", 7, 5);
  expect_refused({"sample", "vae", "--reconstruct", "--data", "turned"}, 1, {"5 x 7", "7 x 5"});
  expect_refused({"sample", "vae", "--reconstruct", "--data", "nowhere"}, 1, {"'nowhere'"});
}

TEST_F(Sample, FilesThatAreMissingOrDamaged) {
  for (const char* command : {"sample", "info"}) {
    expect_refused({command, "missing"}, 1, {"'missing'"});
    expect_refused({command, "data"}, 1, {"'data'", "checkpoint"});
    expect_refused({command, "data/t10k-images-idx3-ubyte"}, 1, {"'data/t10k-images-idx3-ubyte'"});
    expect_refused({command, "gan/config.json"}, 1, {"'gan/config.json'"});
    expect_refused({command, "gan/samples/000030.png"}, 1, {"'gan/samples/000030.png'"});
  }
  const float values[2] = {1, 2};
  write_safetensors(scratch_.path("other.safetensors"), {{"w", {2}, values}});
  expect_refused({"info", "other.safetensors"}, 1, {"'other.safetensors'", "not a checkpoint"});
  flip_bit("gan/checkpoint.safetensors", 0.8);
  expect_refused({"sample", "gan"}, 1, {"gan/checkpoint.safetensors", "damaged"});
}

TEST_F(Sample, PlacesThatCannotBeWritten) {
  expect_refused({"sample", "gan", "--out", "data"}, 1, {"'data'"});
  expect_refused({"sample", "gan", "--out", "nowhere/grid.png"}, 1, {"'nowhere/grid.png'"});
  expect_refused({"sample", "gan", "--out", "/proc/grid.png"}, 1, {"'/proc/grid.png'"});
  expect_refused({"sample", "gan", "--out", ""}, 2, {"--out", "empty"});
}

TEST_F(Sample, InfoAboutTheModel) {
  const json info = json::parse(expect_success({"info", "gan", "--json"}).out);
  EXPECT_EQ(info["model"], "gan");
  EXPECT_EQ(info["step"], 30);
  EXPECT_EQ(info["image"], json({5, 7}));
  EXPECT_EQ(info["parameters"], 4 * 8 + 8 + 8 * 6 + 6 + 6 * 35 + 35 + 35 * 8 + 8 + 8 + 1);
  ASSERT_EQ(info["layers"].size(), 5u);
  EXPECT_EQ(info["layers"][0]["name"], "generator.0.weight");
  EXPECT_EQ(info["layers"][0]["in"], 4);
  EXPECT_EQ(info["layers"][0]["out"], 8);
  const std::string text = expect_success({"info", "vae"}).out;
  for (const char* part : {"vae", "step 30", "5 x 7", "encoder.mean.weight", "decoder.1.weight"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " in " << text;
  }
}

TEST_F(Sample, InfoAboutTheBuild) {
  const json info = json::parse(expect_success({"info", "--json"}).out);
  for (const char* key :
       {"version", "build", "compiler", "cuda", "processors", "instruction_set"}) {
    EXPECT_TRUE(info.contains(key)) << key;
  }
  EXPECT_EQ(info["cuda"], BURIN_CUDA_ENABLED == 1);
  EXPECT_NE(expect_success({"info"}).out.find("processors"), std::string::npos);
}

}  // namespace
}  // namespace burin::test
