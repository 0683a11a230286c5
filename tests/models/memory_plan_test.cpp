#include "models/memory_plan.h"

#include "engine/backend/memory.h"
#include "models/vae.h"
#include "tests/support/model_case.h"

namespace burin::test {
namespace {

constexpr int64_t kImages = 200;

size_t rounded(size_t bytes) {
  return (bytes + kMemoryGranularity - 1) / kMemoryGranularity * kMemoryGranularity;
}

TEST(MemoryPlan, TemporariesAreWhatAStepOnTheCpuTakes) {
  for (const auto& [kind, preset] :
       {std::pair(ModelKind::gan, "mnist-gan"), std::pair(ModelKind::vae, "doc000-vae")}) {
    SCOPED_TRACE(preset);
    Config config = preset_config(kind, preset);
    config.batch = 20;
    const bool vae = kind == ModelKind::vae;
    if (vae) config.optimizer = "amsgrad";
    const ImageSet test = mnist(260);
    const MemoryPlan plan = plan_memory(config, mnist(kImages), vae ? &test : nullptr, 64);
    EXPECT_EQ(memory_in_use(Device::meta), 0u);

    ModelCase host(config, kImages);
    host.train(2);
    host.model->generate(host.model->latent_noise(64, 1));
    if (vae) static_cast<Vae&>(*host.model).elbo(DeviceImages(test, Device::cpu));
    EXPECT_EQ(plan.step, host.model->peak_step_bytes());
    EXPECT_EQ(plan.temporaries, rounded(plan.step));
    EXPECT_EQ(plan.images, rounded(kImages * 784) + rounded(kImages) +
                               (vae ? rounded(260 * 784) + rounded(260) : 0));
    size_t networks = 0;
    for (const Model::Network& network : host.model->networks()) {
      // w, g, m, v, and of AMSGrad the largest v
      networks += (vae ? 5 : 4) * rounded(network.parameters->values().bytes());
      if (network.average != nullptr) networks += 3 * rounded(network.average->bytes());
    }
    // And small things: scalars, statistics, targets, tables.
    EXPECT_GE(plan.networks, networks);
    EXPECT_LE(plan.networks, networks + 40000);
    EXPECT_EQ(plan.total(), plan.images + plan.networks + plan.temporaries);
  }
}

TEST(MemoryPlan, GrowsWithTheBatchAlone) {
  Config config = preset_config(ModelKind::vae, "mnist-vae");
  const ImageSet set = mnist(kImages);
  config.batch = 50;
  const MemoryPlan small = plan_memory(config, set, nullptr, 8);
  config.batch = 100;
  const MemoryPlan large = plan_memory(config, set, nullptr, 8);
  EXPECT_EQ(large.images, small.images);
  EXPECT_EQ(large.networks, small.networks);
  EXPECT_NEAR(double(large.step), 2.0 * double(small.step), 0.01 * double(large.step));
}

TEST(MemoryPlan, Text) {
  EXPECT_EQ(bytes_text(3 << 19), "1.5 MiB");
  EXPECT_EQ(bytes_text(size_t{5} << 29), "2.5 GiB");
  const MemoryPlan plan{1 << 20, 2 << 20, 3 << 20, 3 << 20};
  EXPECT_EQ(plan.to_string(), "6.0 MiB: images 1.0 MiB, networks 2.0 MiB, temporaries 3.0 MiB");
}

}  // namespace
}  // namespace burin::test
