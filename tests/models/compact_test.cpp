// Compact models: through a file and back, the same pictures, latent units that went, and files
// that are not sound.
#include "models/compact.h"

#include <nlohmann/json.hpp>

#include "models/compact_products.h"
#include "models/compact_proof.h"
#include "models/vae.h"
#include "tests/support/model_case.h"
#include "tests/support/scratch.h"

namespace burin::test {
namespace {

using nlohmann::json;

Config small_gan() {
  Config config = preset_config(ModelKind::gan, "mnist-gan");
  config.latent = 9;
  config.generator_hidden = {12, 20};
  config.discriminator_hidden = {4};
  config.batch = 16;
  return config;
}

Config small_vae() {
  Config config = preset_config(ModelKind::vae, "mnist-vae");
  config.latent = 7;
  config.encoder_hidden = {14};
  config.decoder_hidden = {11, 13};
  config.batch = 16;
  return config;
}

void change(const Parameters& parameters, const std::string& name,
            const std::function<float(int64_t row, int64_t column, float)>& f) {
  for (int i = 0; i < parameters.count(); ++i) {
    if (parameters.info(i).name != name) continue;
    std::vector<float> values = parameters.value(i).to_host();
    const Shape shape = parameters.info(i).shape;
    const int64_t columns = shape.rank() == 2 ? shape[1] : 1;
    for (size_t e = 0; e < values.size(); ++e) {
      values[e] = f(int64_t(e) / columns, int64_t(e) % columns, values[e]);
    }
    parameters.value(i).set(values);
    return;
  }
  FAIL() << name;
}

// A checkpoint of a model that was trained a little and has zeros everywhere, and dead: neuron 3
// behind the first layer, with a bias; latents 2 and 5.
struct SparseCase {
  explicit SparseCase(const Config& config) : model_case(config, 64) {
    model_case.train(2);
    std::mt19937 engine(4);
    const char* maker = config.model == ModelKind::gan ? "generator" : "decoder";
    for (const Model::Network& network : model_case.model->networks()) {
      for (const ParameterInfo& info : network.parameters->infos()) {
        const bool first = info.name == "0.weight";
        change(*network.parameters, info.name, [&](int64_t row, int64_t column, float w) {
          if (!info.is_weight) return w + 0.01f * float(row % 5);
          const bool dead =
              first &&
              (row == 3 || ((column == 2 || column == 5) && std::string(network.name) == maker));
          return dead || engine() % 10 < 7 ? 0.0f : w;
        });
      }
    }
    path = scratch.path("checkpoint.safetensors");
    save_checkpoint(path, *model_case.model,
                    {28, 28, model_case.set.count, model_case.model->step(), 0});
  }
  CompactModel compact(std::vector<RemovedFromNetwork>* removed = nullptr) const {
    CompactModel made = whole_model(read_checkpoint(path));
    const auto all = take_out_dead(made, network_names(made.config.model));
    if (removed != nullptr) *removed = all;
    return made;
  }
  std::vector<float> images(int64_t count) const {
    std::vector<float> pixels;
    for (int64_t i = 0; i < count * 784; ++i) {
      pixels.push_back(float(model_case.set.images[size_t(i)]) / 255.0f);
    }
    return pixels;
  }

  Scratch scratch;
  ModelCase model_case;
  std::string path;
};

TEST(Compact, MakesTheSamePicturesThroughItsFile) {
  for (const Config& config : {small_gan(), small_vae()}) {
    const SparseCase test(config);
    std::vector<RemovedFromNetwork> removed;
    CompactModel model = test.compact(&removed);
    EXPECT_EQ(model.latents.size(), size_t(config.latent - 2)) << model_name(config.model);
    EXPECT_GE(removed.back().removed.neurons[0].folded, 1);
    for (CompactNetwork& network : model.networks)
      network.sparse.assign(network.sparse.size(), true);
    model.networks.back().sparse[0] = false;
    const std::string path = test.scratch.path("compact.safetensors");
    save_compact(path, model);

    const std::unique_ptr<Model> dense = load_model(read_checkpoint(test.path), Device::cpu);
    const Checkpoint checkpoint = read_checkpoint(path);
    ASSERT_NE(checkpoint.compact, nullptr);
    EXPECT_EQ(checkpoint.compact->latents, model.latents);
    EXPECT_EQ(checkpoint.config.seed, config.seed);
    for (size_t n = 0; n < model.networks.size(); ++n) {
      EXPECT_EQ(checkpoint.compact->networks[n].sparse, model.networks[n].sparse);
      for (size_t l = 0; l < model.networks[n].chain.layers.size(); ++l) {
        EXPECT_EQ(checkpoint.compact->networks[n].chain.layers[l].weight,
                  model.networks[n].chain.layers[l].weight);
      }
    }
    const std::unique_ptr<Model> small = load_model(checkpoint, Device::cpu);
    EXPECT_EQ(small->step(), dense->step());
    const std::vector<float> z = dense->latent_noise(70, 3);
    EXPECT_EQ(small->latent_noise(70, 3), z);
    const std::vector<float> expected = dense->generate(z), actual = small->generate(z);
    for (size_t i = 0; i < expected.size(); ++i) {
      ASSERT_NEAR(actual[i], expected[i], 32 * kEpsilon) << i;
    }
    for (const Proof& proof :
         prove(whole_model(read_checkpoint(test.path)), *checkpoint.compact, 40, 5,
               config.model == ModelKind::vae ? test.images(40) : std::vector<float>())) {
      EXPECT_TRUE(proof.holds()) << proof.what << " " << proof.largest_share;
    }
  }
}

// A whole model's running average is what pictures are made with.
TEST(Compact, WithoutAnythingTakenOutTheBitsAreThoseOfTheRun) {
  for (const Config& config : {small_gan(), small_vae()}) {
    const SparseCase test(config);
    CompactModel whole = whole_model(read_checkpoint(test.path));
    const std::unique_ptr<Model> run = load_model(read_checkpoint(test.path), Device::cpu);
    const std::vector<float> z = run->latent_noise(30, 1), expected = run->generate(z);
    EXPECT_EQ(build(whole, Device::cpu)->generate(z), expected);
    for (CompactNetwork& network : whole.networks)
      network.sparse.assign(network.sparse.size(), true);
    EXPECT_EQ(build(whole, Device::cpu)->generate(z), expected) << "without its zeros";
  }
}

// The decoder does not see them: so their posterior is the prior, and costs nothing.
TEST(Compact, LatentUnitsThatWentHaveThePriorForPosterior) {
  const SparseCase test(small_vae());
  const std::unique_ptr<Model> dense = load_model(read_checkpoint(test.path), Device::cpu);
  const std::unique_ptr<Model> small = build(test.compact(), Device::cpu);
  const std::vector<float> before = static_cast<Vae&>(*dense).posteriors(test.model_case.data);
  const std::vector<float> after = static_cast<Vae&>(*small).posteriors(test.model_case.data);
  ASSERT_EQ(after.size(), before.size());
  double kl = 0;
  for (size_t row = 0; row < before.size(); row += 14) {
    for (const size_t latent : {2, 5}) {
      EXPECT_EQ(after[row + latent], 0.0f);
      EXPECT_EQ(after[row + 7 + latent], 0.0f);
      const double mean = double{before[row + latent]}, logvar = double{before[row + 7 + latent]};
      kl += oracle::gaussian_kl(mean, logvar);
    }
    for (const size_t latent : {0, 1, 3, 4, 6}) {
      EXPECT_NEAR(after[row + latent], before[row + latent], 1e-5);
      EXPECT_NEAR(after[row + 7 + latent], before[row + 7 + latent], 1e-5);
    }
  }
  // The same noise for the others, so the bound differs by that KL alone.
  const double elbo = static_cast<Vae&>(*dense).elbo(test.model_case.data);
  EXPECT_GT(kl, 0);
  EXPECT_NEAR(static_cast<Vae&>(*small).elbo(test.model_case.data), elbo + kl / 64, 1e-3);
}

TEST(Compact, OfAVaesDecoderAloneTheLatentsStay) {
  const SparseCase test(small_vae());
  CompactModel model = whole_model(read_checkpoint(test.path));
  take_out_dead(model, {"decoder"});
  EXPECT_EQ(model.latents.size(), 7u);
  EXPECT_EQ(model.network("encoder").chain.layers[0].out, 14);
  EXPECT_LT(model.network("decoder").chain.layers[0].out, 11);
  model = whole_model(read_checkpoint(test.path));
  take_out_dead(model, {"encoder"});
  EXPECT_EQ(model.latents.size(), 7u);
  EXPECT_EQ(model.network("decoder").chain.layers[0].out, 11);
}

TEST(Compact, AnotherFunctionIsNotProved) {
  for (const Config& config : {small_gan(), small_vae()}) {
    const SparseCase test(config);
    const CompactModel whole = whole_model(read_checkpoint(test.path));
    CompactModel other = test.compact();
    other.networks.back().chain.layers.back().bias[400] += 1e-2f;
    const std::vector<float> images =
        config.model == ModelKind::vae ? test.images(10) : std::vector<float>();
    EXPECT_FALSE(prove(whole, other, 10, 1, images)[0].holds());
    if (config.model == ModelKind::gan) continue;
    other = test.compact();
    other.networks.front().chain.layers.back().bias[0] += 1e-2f;
    const std::vector<Proof> proofs = prove(whole, other, 10, 1, images);
    EXPECT_TRUE(proofs[0].holds());
    EXPECT_FALSE(proofs[1].holds());
  }
}

TEST(Compact, ProductsAreMeasuredForTheNetworksThatAreNamed) {
  const SparseCase test(small_vae());
  CompactModel model = test.compact();
  const std::vector<ProductTiming> timings = choose_products(model, {"decoder"}, 1);
  ASSERT_EQ(timings.size(), 3u);
  for (size_t l = 0; l < 3; ++l) {
    EXPECT_EQ(timings[l].layer, "decoder." + std::to_string(l));
    EXPECT_TRUE(timings[l].measured);
    EXPECT_EQ(timings[l].sparse, timings[l].times.ratio.median > 1);
    EXPECT_EQ(model.network("decoder").sparse[l], timings[l].sparse);
  }
  EXPECT_EQ(model.network("encoder").sparse, std::vector<bool>(2, false));
}

TEST(Compact, WeightsThatAreNoNumbersAreRefused) {
  const SparseCase test(small_vae());
  change(*test.model_case.model->networks()[1].parameters, "1.bias",
         [](int64_t row, int64_t, float w) { return row == 2 ? NAN : w; });
  save_checkpoint(test.path, *test.model_case.model, {28, 28, 64, 2, 0});
  expect_error([&] { whole_model(read_checkpoint(test.path)); },
               {test.path, "decoder.1.bias", "NaN"});
}

// Files that are whole, with a hash that is right, and yet contradict themselves.
class UnsoundFile : public testing::Test {
 protected:
  UnsoundFile() : test_(small_vae()), path_(test_.scratch.path("compact.safetensors")) {
    save_compact(path_, test_.compact());
  }
  // Rewrites the file with changed metadata, or one tensor left out.
  std::string changed(const std::function<void(json& compact)>& change,
                      const std::string& without = "") {
    const SafetensorsFile file = SafetensorsFile::load(path_);
    std::map<std::string, std::string> metadata = file.metadata();
    json compact = json::parse(metadata["compact"]);
    if (change) change(compact);
    metadata["compact"] = compact.dump();
    std::vector<TensorRef> tensors;
    for (const std::string& name : file.names()) {
      if (name == without) continue;
      if (name.ends_with(".mask")) {
        tensors.push_back({name, file.shape(name), nullptr, file.bytes(name)});
      } else {
        tensors.push_back({name, file.shape(name), file.data(name)});
      }
    }
    const std::string path = test_.scratch.path("changed.safetensors");
    write_safetensors(path, tensors, metadata);
    return path;
  }
  void expect_refused(const std::function<void(json& compact)>& change,
                      std::initializer_list<std::string_view> parts) {
    const std::string path = changed(change);
    expect_error([&] { read_checkpoint(path); }, {path, "no sound compact model"});
    expect_error([&] { read_checkpoint(path); }, parts);
  }

  SparseCase test_;
  std::string path_;
};

TEST_F(UnsoundFile, IsRefusedWithOneLine) {
  read_checkpoint(changed({}));
  expect_refused([](json& c) { c.erase("latents"); }, {"latents"});
  expect_refused([](json& c) { c["latents"] = {0, 3, 3}; }, {"latent 3 behind 3"});
  expect_refused([](json& c) { c["latents"] = {0, 7}; }, {"latent 7", "of 7"});
  expect_refused([](json& c) { c["latents"] = json::array(); }, {"no latents"});
  expect_refused([](json& c) { c["latents"].erase(0); }, {"10 values", "expected 8"});
  expect_refused([](json& c) { c["layers"] = 3; }, {"layer"});
  expect_refused([](json& c) { c["layers"].erase(0); }, {"expected layer encoder.0"});
  expect_refused([](json& c) { c["layers"].erase(c["layers"].size() - 1); }, {"decoder.2", "none"});
  expect_refused([](json& c) { c["layers"].push_back(c["layers"][0]); }, {"too many"});
  expect_refused([](json& c) { c["layers"][0]["product"] = "fast"; }, {"product", "fast"});
  expect_refused([](json& c) { c["layers"][0]["out"] = 13000000; }, {"encoder.0", "13000000"});
  expect_refused([](json& c) { c["layers"][0]["out"] = 5; }, {"encoder.0", "shape"});
  expect_refused([](json& c) { c["layers"][3]["in"] = 4; }, {"decoder.0", "4"});
  for (const char* tensor :
       {"encoder.0.bias", "encoder.0.weight.mask", "encoder.0.weight.values"}) {
    const std::string path = changed({}, tensor);
    expect_error([&] { read_checkpoint(path); }, {path, "no sound compact model", tensor});
  }
}

TEST_F(UnsoundFile, AMaskThatCountsAnotherNumberIsRefused) {
  CompactModel model = test_.compact();
  const SafetensorsFile file = SafetensorsFile::load(path_);
  const std::string mask = "decoder.0.weight.mask";
  std::vector<TensorRef> tensors;
  std::vector<uint8_t> bits(file.bytes(mask), file.bytes(mask) + file.size(mask));
  bits[0] ^= 1;
  for (const std::string& name : file.names()) {
    if (name.ends_with(".mask")) {
      tensors.push_back(
          {name, file.shape(name), nullptr, name == mask ? bits.data() : file.bytes(name)});
    } else {
      tensors.push_back({name, file.shape(name), file.data(name)});
    }
  }
  const std::string path = test_.scratch.path("changed.safetensors");
  write_safetensors(path, tensors, file.metadata());
  expect_error([&] { read_checkpoint(path); }, {path, "decoder.0.weight.values", "shape"});
  bits[0] ^= 1 ^ 128;  // a column behind the last of 5; another one goes
  for (int bit = 0; bit < 5; ++bit) {
    if ((bits[0] >> bit & 1) == 0) continue;
    bits[0] ^= uint8_t(1 << bit);
    break;
  }
  write_safetensors(path, tensors, file.metadata());
  expect_error([&] { read_checkpoint(path); }, {path});
}

}  // namespace
}  // namespace burin::test
