// Two small networks with a penalty, as tests of training have them.
#pragma once

#include <cstdint>
#include <vector>

#include "tests/support/model_case.h"

namespace burin::test {

inline constexpr bool kSlow = BURIN_SLOW_BUILD != 0;
inline constexpr int64_t kBatch = kSlow ? 16 : 64;
inline constexpr int kPerEpoch = 10;

inline Config sparse_gan() {
  Config config;
  config.model = ModelKind::gan;
  config.batch = kBatch;
  config.latent = 20;
  config.generator_hidden = kSlow ? std::vector<int64_t>{48} : std::vector<int64_t>{128, 256};
  config.discriminator_hidden =
      kSlow ? std::vector<int64_t>{48, 16} : std::vector<int64_t>{256, 96};
  config.ema = 0.99;
  config.dropout = 0.3;
  config.l1_generator = 1e-3;
  config.l1_discriminator = 1e-4;
  config.real_label = 0.9;
  config.lr_schedule = "cosine";
  config.decay_until = 3;
  return config;
}

inline Config sparse_vae() {
  Config config;
  config.model = ModelKind::vae;
  config.batch = kBatch;
  config.latent = 20;
  config.encoder_hidden = kSlow ? std::vector<int64_t>{48} : std::vector<int64_t>{200, 100};
  config.decoder_hidden = kSlow ? std::vector<int64_t>{48} : std::vector<int64_t>{100, 200};
  config.l1_encoder = 3e-3;
  config.l1_decoder = 3e-3;
  config.l1_mean = 0.01;
  return config;
}

inline ModelCase make_case(const Config& config) {
  return ModelCase(config, kBatch * kPerEpoch + kBatch / 2);  // a part of a batch is left over
}

}  // namespace burin::test
