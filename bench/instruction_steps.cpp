// The training steps whose instructions bench/instructions counts, under valgrind.
//   instruction_steps BATCH STEPS [NAME...]
// For each name, a model of that step with this batch, on made-up images, one thread; then STEPS
// calls of burin_counted_step, each one step. What a model does only once is done before: memory
// for temporaries is there, as in a run from the second step on. Prints one line of JSON: what was
// built, and what runs.
#include <cstdlib>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "bench/peers/made_up_images.h"
#include "bench/peers/steps.h"
#include "kernels/common/parallel.h"
#include "kernels/gemm/gemm.h"
#include "models/memory_plan.h"
#include "models/model.h"

// Valgrind counts inside this function alone, by its name.
extern "C" __attribute__((noinline)) void burin_counted_step(burin::Model& model,
                                                             const burin::DeviceImages& data) {
  model.train_step(data);
}

namespace burin {
namespace {

// Few, since making them under valgrind takes longer than a step; the number of images does not
// change what a step does.
constexpr int64_t kImages = 512;

Config step_config(const std::string& name, int64_t batch) {
  Config config = bench::find_step(name).config;
  config.batch = batch;
  config.device = "cpu";
  config.log_every = 1;  // the shortest table of learning rates: the first step makes it
  return config;
}

int run(int64_t batch, int steps, int count, char** names) {
  if (batch < 1 || batch > kImages || steps < 1) {
    throw UsageError("BATCH is to be 1 to " + std::to_string(kImages) + ", STEPS at least 1");
  }
  std::cout << nlohmann::json{{"set", cpu::gemm_instruction_set()},
                              {"compiler", BURIN_COMPILER},
                              {"build", BURIN_BUILD_TYPE}}
                   .dump()
            << std::endl;
  const ImageSet images = bench::made_up_images(kImages);
  const DeviceImages data(images, Device::cpu);
  cpu::set_threads(1);
  for (int i = 0; i < count; ++i) {
    const Config config = step_config(names[i], batch);
    const std::unique_ptr<Model> model =
        make_model(config, images.pixels(), images.count, Device::cpu);
    model->initialize(images);
    model->reserve_step_bytes(plan_memory(config, images, nullptr, 1).step);
    model->generate(model->latent_noise(1, 1));  // the tape's memory too
    for (int step = 0; step < steps; ++step) burin_counted_step(*model, data);
  }
  return 0;
}

}  // namespace
}  // namespace burin

int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "usage: instruction_steps BATCH STEPS [NAME...]\n";
    return 2;
  }
  try {
    return burin::run(std::atoll(argv[1]), std::atoi(argv[2]), argc - 3, argv + 3);
  } catch (const std::exception& fault) {
    std::cerr << "instruction_steps: " << fault.what() << "\n";
    return 1;
  }
}
