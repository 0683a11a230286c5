// Units whose incoming or outgoing weights are all zero, in networks where they are known.
#include "evaluation/dead_units.h"

#include <gtest/gtest.h>

#include "tests/support/model_case.h"

namespace burin::test {
namespace {

Config small_vae() {
  Config config;
  config.model = ModelKind::vae;
  config.batch = 4;
  config.latent = 3;
  config.encoder_hidden = {5, 4};
  config.decoder_hidden = {6};
  return config;
}

// Sets the weights of one row or column of parameter NAME to zero.
void clear(Model::Network network, const std::string& name, int64_t row, int64_t column) {
  Parameters& parameters = *network.parameters;
  for (int i = 0; i < parameters.count(); ++i) {
    if (parameters.info(i).name != name) continue;
    std::vector<float> values = parameters.value(i).to_host();
    const int64_t in = parameters.info(i).shape[1];
    for (size_t j = 0; j < values.size(); ++j) {
      const int64_t at = static_cast<int64_t>(j);
      if (at / in == row || at % in == column) values[j] = 0.0f;
    }
    parameters.value(i).set(values);
    return;
  }
  FAIL() << name;
}

TEST(DeadUnits, RowsColumnsAndHeads) {
  ModelCase test(small_vae(), 8);
  const Model::Network encoder = test.network("encoder");
  const Model::Network decoder = test.network("decoder");
  const auto hidden = [](const Model::Network& network) {
    return dead_hidden_units(*network.parameters);
  };
  EXPECT_EQ(hidden(encoder).units, 9);
  EXPECT_EQ(hidden(encoder).dead, 0);
  EXPECT_EQ(hidden(decoder).units, 6);
  EXPECT_EQ(dead_inputs(*decoder.parameters).units, 3);
  EXPECT_EQ(dead_inputs(*decoder.parameters).dead, 0);

  clear(encoder, "0.weight", 2, -1);  // hears nothing
  EXPECT_EQ(hidden(encoder).dead, 1);
  clear(encoder, "1.weight", -1, 2);  // nor is it heard: still one unit
  EXPECT_EQ(hidden(encoder).dead, 1);
  clear(encoder, "1.weight", -1, 4);
  EXPECT_EQ(hidden(encoder).dead, 2);
  clear(encoder, "mean.weight", -1, 1);  // the log-variances hear it yet
  EXPECT_EQ(hidden(encoder).dead, 2);
  clear(encoder, "logvar.weight", -1, 1);
  EXPECT_EQ(hidden(encoder).dead, 3);
  clear(encoder, "mean.weight", 0, -1);  // outputs are not counted
  EXPECT_EQ(hidden(encoder).dead, 3);

  clear(decoder, "0.weight", -1, 2);  // a latent that changes nothing
  EXPECT_EQ(dead_inputs(*decoder.parameters).dead, 1);
  EXPECT_EQ(hidden(decoder).dead, 0);
  clear(decoder, "1.weight", -1, 5);
  EXPECT_EQ(hidden(decoder).dead, 1);
}

}  // namespace
}  // namespace burin::test
