#include "models/memory_plan.h"

#include <fmt/format.h>

#include "engine/backend/memory.h"
#include "engine/data/device_images.h"
#include "models/model.h"
#include "models/vae.h"

namespace burin {
namespace {

size_t held() {
  return memory_in_use(Device::meta);
}

}  // namespace

MemoryPlan plan_memory(const Config& config, const ImageSet& train, const ImageSet* test,
                       int64_t grid_images, const ImageSet* held_out) {
  MemoryPlan plan;
  const size_t before = held();
  const DeviceImages data(train, Device::meta);
  const DeviceImages tested(test != nullptr ? *test : ImageSet(), Device::meta);
  const DeviceImages judging(held_out != nullptr ? *held_out : ImageSet(), Device::meta);
  plan.images = held() - before;

  const std::unique_ptr<Model> model =
      make_model(config, train.pixels(), train.count, Device::meta);
  plan.networks = held() - before - plan.images;

  model->train_step(data);
  model->generate(model->latent_noise(grid_images, 0));
  if (test != nullptr) static_cast<Vae&>(*model).elbo(tested);
  plan.step = model->peak_step_bytes();
  for (const size_t bytes : {model->peak_step_bytes(), model->product_scratch_bytes()}) {
    plan.temporaries += (bytes + kMemoryGranularity - 1) / kMemoryGranularity * kMemoryGranularity;
  }
  return plan;
}

std::string bytes_text(size_t bytes) {
  const double mib = static_cast<double>(bytes) / (1 << 20);
  return mib < 1024 ? fmt::format("{:.1f} MiB", mib) : fmt::format("{:.1f} GiB", mib / 1024);
}

std::string MemoryPlan::to_string() const {
  return fmt::format("{}: images {}, networks {}, temporaries {}", bytes_text(total()),
                     bytes_text(images), bytes_text(networks), bytes_text(temporaries));
}

}  // namespace burin
