// What a training step on the GPU is made of: kernels, memory.
#include <gtest/gtest.h>

#include "models/memory_plan.h"
#include "models/vae.h"
#include "tests/models/cuda/cuda_model_case.h"
#include "tests/support/softgpu_counters.h"

namespace burin::test {
namespace {

constexpr int64_t kStepImages = 160;

class CudaStep : public CudaModel {
 protected:
  static int kernels(const Config& config) {
    ModelCase gpu(config, kStepImages, Device::cuda);
    gpu.train(3);
    return gpu.model->kernels_per_step();
  }
};

// docs/gpu.md lists them.
TEST_F(CudaStep, KernelsOfAGanStep) {
  Config config = small_batches(ModelKind::gan, "doc000-gan");
  EXPECT_EQ(kernels(config), 23);  // L1 on the images: three more
  config.l1_generator_output = 0;
  EXPECT_EQ(kernels(config), 20);
  EXPECT_EQ(kernels(small_batches(ModelKind::gan, "doc003-gan")), 20);
  EXPECT_EQ(kernels(small_batches(ModelKind::gan, "mnist-gan")), 29);  // dropout, running average
}

TEST_F(CudaStep, KernelsOfAVaeStep) {
  Config config = small_batches(ModelKind::vae, "doc000-vae");
  EXPECT_EQ(kernels(config), 22);  // L1 on the reconstruction: three more
  config.l1_reconstruction = 0;
  EXPECT_EQ(kernels(config), 19);
  EXPECT_EQ(kernels(small_batches(ModelKind::vae, "mnist-vae")), 19);
}

// Between two looks at the losses the host only queues graphs.
TEST_F(CudaStep, NobodyWaitsAndNothingIsCopied) {
  if (!counters_available()) GTEST_SKIP() << "calls are counted on the software GPU, by --count";
  for (const Config& config :
       {small_batches(ModelKind::gan, "mnist-gan"), small_batches(ModelKind::vae, "mnist-vae")}) {
    SCOPED_TRACE(config.preset);
    ModelCase gpu(config, kStepImages, Device::cuda);
    gpu.train(3);
    gpu.model->take_losses();
    reset_counters();
    gpu.train(4);
    const CallCount calls = call_count();
    EXPECT_EQ(calls.of("cudaGraphLaunch"), 4);
    EXPECT_EQ(calls.of("cudaLaunchKernel"), 0);
    EXPECT_EQ(calls.synchronisations(), 0);
    EXPECT_EQ(calls.copies(), 0);
    EXPECT_EQ(calls.allocations(), 0);
    EXPECT_EQ(total_count().launches, 4 * gpu.model->kernels_per_step());
  }
}

// To the byte, and known before.
TEST_F(CudaStep, MemoryIsWhatWasPlanned) {
  for (Config config :
       {small_batches(ModelKind::gan, "mnist-gan"), small_batches(ModelKind::vae, "doc000-vae")}) {
    SCOPED_TRACE(config.preset);
    config.batch = 24;
    const bool vae = config.model == ModelKind::vae;
    const ImageSet test = mnist(70);
    const size_t before = memory_in_use(Device::cuda);
    const MemoryPlan plan = plan_memory(config, mnist(kStepImages), vae ? &test : nullptr, 64);
    EXPECT_EQ(memory_in_use(Device::cuda), before);
    EXPECT_EQ(memory_in_use(Device::meta), 0u);

    ModelCase gpu(config, kStepImages, Device::cuda);
    gpu.model->reserve_step_bytes(plan.step);
    const DeviceImages held_out(vae ? test : ImageSet(), Device::cuda);
    EXPECT_EQ(memory_in_use(Device::cuda) - before, plan.total());
    gpu.train(4);
    gpu.model->generate(gpu.model->latent_noise(64, 1));
    if (vae) static_cast<Vae&>(*gpu.model).elbo(held_out);
    gpu.train(2);
    EXPECT_EQ(memory_in_use(Device::cuda) - before, plan.total());
  }
}

}  // namespace
}  // namespace burin::test
