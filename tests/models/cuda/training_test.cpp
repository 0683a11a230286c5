// Training on the GPU against training on the CPU, and against itself.
#include <gtest/gtest.h>

#include <cmath>

#include "models/checkpoint.h"
#include "models/vae.h"
#include "tests/models/cuda/cuda_model_case.h"
#include "tests/support/scratch.h"

namespace burin::test {
namespace {

constexpr int64_t kImages = 320;

class CudaTraining : public CudaModel {};

// In fp32 with Burin's own kernels every weight, state and average has the bits of the CPU, so the
// zeros are the same. A loss is a sum in double, rounded once: another order of the same terms
// moves it by less than one rounding.
void expect_the_cpus_run(const Config& config, int steps) {
  ModelCase host(config, kImages), gpu(config, kImages, Device::cuda);
  for (int done = 0; done < steps; done += 50) {
    host.train(50);
    gpu.train(50);
    const std::vector<double> expected = host.model->take_losses();
    const std::vector<double> losses = gpu.model->take_losses();
    ASSERT_EQ(losses.size(), expected.size());
    for (size_t i = 0; i < losses.size(); ++i) {
      EXPECT_NEAR(losses[i], expected[i], kEpsilon * std::abs(expected[i]))
          << host.model->loss_names()[i] << ", step " << done + 50;
    }
  }
  EXPECT_EQ(gpu.model->step(), steps);
  EXPECT_EQ(bits_of(*gpu.model), bits_of(*host.model));
  for (const Model::Network& network : host.model->networks()) {
    const double zeros = network.optimizer->zero_fraction();
    EXPECT_GT(zeros, 0.01) << network.name;
    EXPECT_EQ(gpu.network(network.name).optimizer->zero_fraction(), zeros);
    EXPECT_NEAR(gpu.network(network.name).optimizer->l1_norm(), network.optimizer->l1_norm(),
                1e-12 * network.optimizer->l1_norm());
    EXPECT_NEAR(gpu.network(network.name).optimizer->gradient_norm(),
                network.optimizer->gradient_norm(), 1e-12 * network.optimizer->gradient_norm());
  }
}

TEST_F(CudaTraining, GanHasTheCpusBitsAfter100Steps) {
  expect_the_cpus_run(sparse_gan(), 100);
}

TEST_F(CudaTraining, VaeHasTheCpusBitsAfter100Steps) {
  expect_the_cpus_run(sparse_vae(), 100);
}

// L1 on outputs, grey pixels, sigmoid images, the other loss; the end of L1 with a cut.
TEST_F(CudaTraining, OtherSettingsHaveTheCpusBits) {
  Config gan = small_batches(ModelKind::gan, "doc000-gan");
  gan.gan_loss = "minimax";
  gan.fakes = "reuse";
  gan.lr_discriminator = 1e-4;
  gan.l1_generator = gan.l1_discriminator = 1e-3;
  gan.optimizer = "momentum";
  Config vae = small_batches(ModelKind::vae, "doc000-vae");
  vae.l1_encoder = vae.l1_decoder = 1e-3;
  vae.l1_epochs = 0.15;  // of 40 steps
  vae.l1_cut = 0.5;
  vae.l1_cut_from = 0.05;  // a cut at step 4, the last at step 6
  vae.lr_schedule = "linear";
  vae.decay_until = 0.2;
  for (const Config& config : {gan, vae}) {
    SCOPED_TRACE(config.preset);
    ModelCase host(config, kImages), gpu(config, kImages, Device::cuda);
    host.train(8);
    gpu.train(8);
    EXPECT_EQ(bits_of(*gpu.model), bits_of(*host.model));
  }
}

// Samples, and sums of weights, have the CPU's bits; the cross entropy is a sum in double of which
// the CPU rounds other terms.
TEST_F(CudaTraining, TheLikelihoodIsTheCpus) {
  const Config config = sparse_vae();
  ModelCase host(config, 40), gpu(config, 40, Device::cuda);
  host.train(3);
  gpu.train(3);
  const ImageSet few = mnist(5);
  const double expected = static_cast<Vae&>(*host.model).nll(DeviceImages(few, Device::cpu), 7);
  const DeviceImages images(few, Device::cuda);
  Vae& vae = static_cast<Vae&>(*gpu.model);
  EXPECT_NEAR(vae.nll(images, 7), expected, 8 * kEpsilon * expected);
  EXPECT_NEAR(vae.nll(images, 7, {}, 3), expected, 8 * kEpsilon * expected);
  gpu.train(1);  // as before
  host.train(1);
  EXPECT_EQ(bits_of(*gpu.model), bits_of(*host.model));
}

TEST_F(CudaTraining, RerunsHaveTheSameBits) {
  const Config config = sparse_gan();
  ModelCase one(config, kImages, Device::cuda), two(config, kImages, Device::cuda);
  one.train(6);
  // Looking on makes no difference, nor do evaluations that take other memory.
  for (int i = 0; i < 6; ++i) {
    two.train(1);
    two.model->take_losses();
    two.model->generate(two.model->latent_noise(300, 1));
  }
  EXPECT_EQ(bits_of(*one.model), bits_of(*two.model));
}

// Through a checkpoint from one device to the other, and back.
TEST_F(CudaTraining, ACheckpointGoesOnOnTheOtherDevice) {
  const Scratch scratch;
  for (const Config& config : {sparse_gan(), sparse_vae()}) {
    ModelCase whole(config, kImages);
    whole.train(9);
    std::unique_ptr<ModelCase> part;
    for (const Device device : {Device::cuda, Device::cpu, Device::cuda}) {
      auto next = std::make_unique<ModelCase>(config, kImages, device);
      if (part != nullptr) {
        const std::string path = scratch.path("part.safetensors");
        save_checkpoint(path, *part->model, {28, 28, kImages, part->model->step(), 0});
        restore(*next->model, read_checkpoint(path), true);
      }
      next->train(3);
      part = std::move(next);
    }
    EXPECT_EQ(bits_of(*part->model), bits_of(*whole.model));
  }
}

TEST_F(CudaTraining, DivergenceIsToldWithTheStep) {
  Config config = sparse_vae();
  config.optimizer = "sgd";
  config.lr = 1e20;
  ModelCase gpu(config, kImages, Device::cuda);
  gpu.train(6);
  try {
    gpu.model->take_losses();
    ADD_FAILURE() << "not told";
  } catch (const TrainingDiverged& fault) {
    const std::string text = fault.what();
    EXPECT_EQ(text.rfind("step 2: ", 0), 0u) << text;
    EXPECT_NE(text.find("infinite or NaN"), std::string::npos) << text;
  }
}

// tf32 and bf16 round the factors of products, to 11 and 8 bits: losses move by about as much, and
// the masters stay fp32.
TEST_F(CudaTraining, LowerPrecisionsTrainAlike) {
  for (const auto& [precision, epsilon] : {std::pair("tf32", 0x1p-11), std::pair("bf16", 0x1p-8)}) {
    Config config = sparse_vae();
    ModelCase exact(config, kImages, Device::cuda);
    config.precision = precision;
    ModelCase rounded(config, kImages, Device::cuda);
    exact.train(10);
    rounded.train(10);
    const std::vector<double> expected = exact.model->take_losses();
    const std::vector<double> losses = rounded.model->take_losses();
    for (size_t i = 0; i < losses.size(); ++i) {
      EXPECT_NE(losses[i], expected[i]);
      EXPECT_NEAR(losses[i], expected[i], 4 * epsilon * expected[i]) << precision;
    }
  }
}

}  // namespace
}  // namespace burin::test
