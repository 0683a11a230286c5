// What tests of models on the GPU share: the settings that they are run with.
#pragma once

#include <gtest/gtest.h>

#include "engine/backend/cuda.h"
#include "tests/support/model_case.h"

namespace burin::test {

// Skips, with the reason, where no GPU can be used.
class CudaModel : public testing::Test {
 protected:
  void SetUp() override {
    if (!cuda::missing().empty()) GTEST_SKIP() << cuda::missing();
  }
};

// Whole networks, small batches: the software GPU has its pace.
inline Config small_batches(ModelKind kind, const char* preset) {
  Config config = preset_config(kind, preset);
  config.batch = 8;
  config.log_every = 50;
  return config;
}

// The default GAN: dropout, running average, L1 on the generator; and L1 on the discriminator, so
// that both have zeros.
inline Config sparse_gan() {
  Config config = small_batches(ModelKind::gan, "mnist-gan");
  config.l1_generator = 5e-3;
  config.l1_discriminator = 5e-3;
  config.lr = 1e-3;
  return config;
}
inline Config sparse_vae() {
  Config config = small_batches(ModelKind::vae, "mnist-vae-sparse");
  config.l1_encoder = config.l1_decoder = 1e-2;
  return config;
}

}  // namespace burin::test
