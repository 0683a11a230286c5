// A training step of any size, on made-up images, one thread, for bench/scaling.
//   scaling_steps STEP IMAGES [KEY=VALUE ...]
// STEP is a name of bench/peers/steps.h, KEY a setting to change in it. First does one step and
// prints one line of JSON: the sizes. Then, for each line on standard input, a number of seconds,
// trains for that long, at least one step, and prints what was done. Ends with the input.
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "bench/peers/made_up_images.h"
#include "bench/peers/steps.h"
#include "engine/backend/memory.h"
#include "kernels/common/parallel.h"
#include "kernels/gemm/gemm.h"
#include "models/memory_plan.h"
#include "models/model.h"

namespace burin {
namespace {

using nlohmann::json;

// Processor time: of one thread the time that it takes, less what it waits for a processor.
double now() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

Config step_config(const std::string& name, int count, char** changes) {
  Config config = bench::find_step(name).config;
  for (int i = 0; i < count; ++i) {
    const std::string change = changes[i];
    const size_t equals = change.find('=');
    if (equals == std::string::npos) throw UsageError(change + " is not KEY=VALUE");
    set_from_text(config, change.substr(0, equals), change.substr(equals + 1), change);
  }
  config.device = "cpu";
  return config;
}

int run(const Config& config, int64_t count) {
  if (count < config.batch) throw UsageError("IMAGES is to be a number, at least the batch");
  cpu::set_threads(1);
  std::unique_ptr<Model> model;
  std::unique_ptr<DeviceImages> data;
  size_t image_bytes = 0;
  json hello{{"config", to_json(config)}, {"version", cpu::gemm_instruction_set()}};
  {
    ImageSet images = bench::made_up_images(count);
    hello["pixels"] = images.pixels();
    hello["mflop"] = bench::step_mflop(config, images.pixels());
    // What `burin train` would keep of the device's memory.
    const MemoryPlan plan = plan_memory(config, images, nullptr, 1);
    hello["plan"] = {{"images", plan.images}, {"networks", plan.networks}, {"step", plan.step}};
    model = make_model(config, images.pixels(), count, Device::cpu);
    model->initialize(images);
    image_bytes = images.images.size() + images.labels.size();
    data = std::make_unique<DeviceImages>(std::move(images), Device::cpu);
  }
  for (const Model::Network& network : model->networks()) {
    hello["parameters"][network.name] = network.parameters->elements();
  }
  model->train_step(*data);
  hello["step_bytes"] = model->peak_step_bytes();
  // On the CPU the images stay where they were read to, outside of the engine's Memory.
  hello["memory_in_use"] = memory_in_use(Device::cpu) + image_bytes;
  std::cout << hello.dump() << std::endl;

  for (double seconds; std::cin >> seconds;) {
    int64_t steps = 0;
    model->train_step(*data);  // not counted: others had the caches meanwhile
    const double begin = now();
    double time = begin;
    do {
      model->train_step(*data);
      time = now();
      ++steps;
    } while (time - begin < seconds);
    std::cout << json{{"steps", steps}, {"seconds", time - begin}}.dump() << std::endl;
  }
  return 0;
}

}  // namespace
}  // namespace burin

int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "usage: scaling_steps STEP IMAGES [KEY=VALUE ...]\n";
    return 2;
  }
  try {
    return burin::run(burin::step_config(argv[1], argc - 3, argv + 3), std::atoll(argv[2]));
  } catch (const std::exception& fault) {
    std::cerr << "scaling_steps: " << fault.what() << "\n";
    return 1;
  }
}
