// Presets: that they are valid, and that those of the documents have the documents' settings.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "models/config.h"
#include "tests/support/usage_error.h"

namespace burin::test {
namespace {

TEST(Presets, ExistAndAreValid) {
  std::set<std::string> names;
  for (const PresetInfo& info : presets()) {
    SCOPED_TRACE(info.name);
    names.insert(info.name);
    EXPECT_FALSE(info.help.empty());
    const Config config = preset_config(info.model, info.name);
    EXPECT_EQ(config.preset, info.name);
    EXPECT_EQ(config.model, info.model);
    Config again;
    again.model = info.model;
    apply_json(again, to_json(config), "preset");  // every value is allowed
    EXPECT_EQ(to_json(again), to_json(config));
  }
  EXPECT_EQ(names.size(), presets().size());
  for (const char* name : {"doc000-gan", "doc000-vae", "doc003-gan"}) {
    EXPECT_TRUE(names.contains(name)) << name;
  }
  for (const ModelKind model : {ModelKind::gan, ModelKind::vae}) {
    EXPECT_EQ(preset_config(model, default_preset(model)).model, model);
  }
}

// Of the documents: networks, rate, batch, epochs, lambda.
TEST(Presets, HoldTheDocumentsSettings) {
  const Config gan = preset_config(ModelKind::gan, "doc000-gan");
  EXPECT_EQ(gan.generator_hidden, (std::vector<int64_t>{128, 256}));
  EXPECT_EQ(gan.discriminator_hidden, (std::vector<int64_t>{256, 256}));
  EXPECT_EQ(gan.latent, 100);
  EXPECT_EQ(gan.lr, 2e-4);
  EXPECT_EQ(gan.l1_generator_output, 0.01);
  EXPECT_EQ(gan.l1_discriminator_output, 0.01);
  const Config vae = preset_config(ModelKind::vae, "doc000-vae");
  EXPECT_EQ(vae.encoder_hidden, (std::vector<int64_t>{128, 256}));
  EXPECT_EQ(vae.decoder_hidden, (std::vector<int64_t>{256, 128}));
  EXPECT_EQ(vae.latent, 784);
  EXPECT_EQ(vae.l1_mean, 0.01);
  EXPECT_EQ(vae.l1_reconstruction, 0.01);
  for (const Config& config : {gan, vae}) {
    EXPECT_EQ(config.activation, "leaky_relu");
    EXPECT_EQ(config.slope, 0.2);
    EXPECT_EQ(config.optimizer, "adam");
    EXPECT_EQ(config.batch, 128);
    EXPECT_EQ(config.epochs, 1000);
  }
  const Config third = preset_config(ModelKind::gan, "doc003-gan");
  EXPECT_EQ(third.lr, 1e-3);
  EXPECT_EQ(third.batch, 64);
  EXPECT_EQ(third.l1_generator, 0.01);
  EXPECT_EQ(third.l1_generator_output, 0);
}

TEST(Presets, UnknownOneNamesTheKnown) {
  expect_usage_error([] { preset_config(ModelKind::vae, "doc000-gan"); },
                     {"--preset", "doc000-gan", "vae", "mnist-vae", "doc000-vae"});
}

}  // namespace
}  // namespace burin::test
