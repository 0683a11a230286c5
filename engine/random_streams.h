// Every use of random numbers has a stream of its own (RandomKey::stream), so that no two draw the
// same numbers. The values are part of the checkpoint format: a resumed run draws on from them.
#pragma once

#include <cstdint>

namespace burin {

enum class RandomStream : uint32_t {
  batch_order = 1,
  binarize = 2,
  noise_for_discriminator = 3,
  noise_for_generator = 4,
  reparameterize = 5,
  sample_noise = 6,
  test_binarize = 7,
  test_reparameterize = 8,
  test_importance = 9,
  evaluation_noise = 10,
  importance = 11,
  resample = 12,
  data_split = 32,  // apart: what training draws may grow up to it
  // Followed by one stream for each layer: add the layer's number, under 256.
  initial_weights = 256,
  dropout_discriminator_turn = 512,
  dropout_generator_turn = 768,
  dropout_classifier = 1024,
  feature_weights = 1280,
};

inline uint32_t stream_of(RandomStream stream, int layer = 0) {
  return static_cast<uint32_t>(stream) + static_cast<uint32_t>(layer);
}

}  // namespace burin
