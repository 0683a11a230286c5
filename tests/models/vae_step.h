// What the tests of the VAE's step share: a small model that stands still, and its batches in
// double.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/gather/gather.h"
#include "tests/support/model_case.h"

namespace burin::test {

inline constexpr int64_t kVaeLatent = 3;
inline constexpr uint64_t kVaeSeed = 6;

inline Config tiny_vae() {
  Config config;
  config.model = ModelKind::vae;
  config.seed = kVaeSeed;
  config.batch = 6;
  config.latent = kVaeLatent;
  config.encoder_hidden = {5, 4};
  config.decoder_hidden = {4, 5};
  config.optimizer = "sgd";
  config.lr = 1e-60;  // zero in single precision
  return config;
}

// The batch of `step`.
inline std::vector<double> vae_batch(const ImageSet& set, const Config& config, uint64_t step) {
  std::vector<int32_t> indices(size_t(config.batch));
  cpu::batch_indices(set.count, config.batch,
                     {kVaeSeed, stream_of(RandomStream::batch_order), &step}, indices.data(), {});
  std::vector<double> x;
  for (const int32_t index : indices) {
    for (int64_t p = 0; p < set.pixels(); ++p) {
      const uint8_t byte = set.images[size_t(index * set.pixels() + p)];
      const oracle::Draw draw{kVaeSeed, stream_of(RandomStream::binarize), step};
      x.push_back(config.pixels == "grey" ? byte / 255.0
                                          : oracle::binarize(byte, draw, int64_t(x.size())));
    }
  }
  return x;
}

// A model that has done steps 0, 1 and 2, the losses of the last alone not yet taken; its weights
// and the batch of that step in double.
struct VaeStep : ModelCase {
  explicit VaeStep(const Config& config) : ModelCase(config, 40) {
    train(2);
    model->take_losses();
    train(1);
    encoder_values = in_double(encoder());
    decoder_values = in_double(decoder());
    x = vae_batch(set, config, 2);
  }
  const Parameters& encoder() { return *network("encoder").parameters; }
  const Parameters& decoder() { return *network("decoder").parameters; }

  DoubleParameters encoder_values, decoder_values;
  std::vector<double> x;
};

}  // namespace burin::test
