// Trains on request, so that runs of two programs can take turns while both stay in memory.
//   burin_steps STEP THREADS fixed|tuned DATA [cpu|cuda [PRECISION [GEMM]]]
// `tuned` chooses up to THREADS threads as `burin train` does. First prints one line of JSON: the
// settings in force. Then, for each line on standard input, a number of seconds, trains for that
// long and prints what was done. Ends with the input. On the GPU, steps are queued kQueued at a
// time, and all are done before the clock is read.
#include <sys/resource.h>

#include <chrono>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "bench/peers/steps.h"
#include "engine/backend/cuda.h"
#include "engine/backend/thread_tuner.h"
#include "engine/data/image_set.h"
#include "kernels/common/parallel.h"
#include "kernels/gemm/gemm.h"
#include "models/model.h"

namespace burin {
namespace {

using nlohmann::json;

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double processor_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

int64_t peak_resident_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stoll(line.substr(6));
  }
  return 0;
}

constexpr int64_t kQueued = 50;

int run(const std::string& name, int threads, bool tuned, const std::string& directory,
        const Config& place) {
  Config config;
  bool found = false;
  for (const bench::NamedStep& step : bench::named_steps()) {
    if (step.name != name) continue;
    config = step.config;
    found = true;
  }
  if (!found) throw UsageError("no step is called " + name);
  config.device = place.device;
  config.precision = place.precision;
  config.gemm = place.gemm;
  const Device device = place.device == "cuda" ? Device::cuda : Device::cpu;
  if (device == Device::cuda && !cuda::missing().empty()) {
    throw UsageError(cuda::missing());
  }

  int64_t pixels = 0;
  std::unique_ptr<Model> model;
  std::unique_ptr<DeviceImages> data;
  {
    ImageSet images = load_image_set(directory, Split::train);
    pixels = images.pixels();
    model = make_model(config, pixels, images.count, device);
    model->initialize(images);
    data = std::make_unique<DeviceImages>(std::move(images), device);
  }
  std::cout << json{{"config", to_json(config)},
                    {"mflop", bench::step_mflop(config, pixels)},
                    {"version", device == Device::cuda ? cuda::device_info().name
                                                       : cpu::gemm_instruction_set()}}
                   .dump()
            << std::endl;

  ThreadTuner tuner(threads);
  for (double seconds; std::cin >> seconds;) {
    int64_t steps = 0;
    int64_t steps_alone = 0;
    const double begin = now();
    const double processor_begin = processor_seconds();
    double time = begin;
    while (time - begin < seconds) {
      const int used = tuned ? tuner.threads() : threads;
      cpu::set_threads(used);
      const int64_t queued = device == Device::cuda ? kQueued : 1;
      for (int64_t i = 0; i < queued; ++i) model->train_step(*data);
      model->synchronize();
      const double after = now();
      if (tuned) tuner.record(after - time);
      time = after;
      steps += queued;
      steps_alone += used == 1 ? queued : 0;
    }
    json losses;
    const std::vector<double> means = model->take_losses();
    for (size_t i = 0; i < means.size(); ++i) losses[model->loss_names()[i]] = means[i];
    json zeros;
    for (const Model::Network& network : model->networks()) {
      zeros[network.name] = network.optimizer->zero_fraction();
    }
    std::cout << json{{"steps", steps},
                      {"steps_with_one_thread", steps_alone},
                      {"seconds", time - begin},
                      {"processor_seconds", processor_seconds() - processor_begin},
                      {"peak_kib", peak_resident_kib()},
                      {"losses", losses},
                      {"zeros", zeros}}
                     .dump()
              << std::endl;
  }
  return 0;
}

}  // namespace
}  // namespace burin

int main(int argc, char** argv) {
  const std::string mode = argc >= 5 && argc <= 8 ? argv[3] : "";
  if (mode != "fixed" && mode != "tuned") {
    std::cerr << "usage: burin_steps STEP THREADS fixed|tuned DATA [cpu|cuda [PRECISION [GEMM]]]\n";
    return 2;
  }
  try {
    burin::Config place;
    const char* const keys[] = {"device", "precision", "gemm"};
    for (int i = 5; i < argc; ++i) burin::set_from_text(place, keys[i - 5], argv[i], "burin_steps");
    return burin::run(argv[1], std::stoi(argv[2]), mode == "tuned", argv[4], place);
  } catch (const std::exception& fault) {
    std::cerr << "burin_steps: " << fault.what() << "\n";
    return 1;
  }
}
