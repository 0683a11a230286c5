// Burin's side of the comparisons: works on request (served.h).
//   burin_steps STEP THREADS fixed|tuned DATA [cpu|cuda [PRECISION [GEMM]]]
// `tuned` chooses up to THREADS threads as `burin train` does. The first line printed has the
// settings in force, for the other sides. On the GPU, steps are queued kQueued at a time, and all
// are done before the clock is read.
#include <nlohmann/json.hpp>
#include <string>

#include "bench/peers/served.h"
#include "bench/peers/steps.h"
#include "engine/backend/cuda.h"
#include "engine/backend/thread_tuner.h"
#include "engine/data/image_set.h"
#include "kernels/common/parallel.h"
#include "kernels/gemm/gemm.h"
#include "kernels/to_bytes/to_bytes.h"
#include "models/vae.h"

namespace burin {
namespace {

using nlohmann::json;

constexpr int64_t kQueued = 50;

struct Threads {
  int most;
  bool tuned;
};

void train(Model& model, const DeviceImages& data, const Threads& threads, const json& hello) {
  ThreadTuner tuner(threads.most);
  int64_t steps_alone = 0;
  const auto some_steps = [&] {
    const int used = threads.tuned ? tuner.threads() : threads.most;
    const double begin = bench::now();
    cpu::set_threads(used);
    const int64_t queued = data.device() == Device::cuda ? kQueued : 1;
    for (int64_t i = 0; i < queued; ++i) model.train_step(data);
    model.synchronize();
    if (threads.tuned) tuner.record(bench::now() - begin);
    steps_alone += used == 1 ? queued : 0;
    return queued;
  };
  const auto report = [&](json& answer) {
    answer["steps_with_one_thread"] = std::exchange(steps_alone, 0);
    const std::vector<double> means = model.take_losses();
    for (size_t i = 0; i < means.size(); ++i) answer["losses"][model.loss_names()[i]] = means[i];
    for (const Model::Network& network : model.networks()) {
      answer["zeros"][network.name] = network.optimizer->zero_fraction();
    }
  };
  bench::serve(hello, some_steps, report);
}

// Pictures as bytes from fresh noise, as `burin sample` makes them.
void sample(Model& model, const json& hello) {
  const int64_t batch = model.config().batch;
  uint64_t seed = 0;
  std::vector<float> images(static_cast<size_t>(batch * model.pixels()));
  std::vector<uint8_t> pictures(images.size());
  const auto step = [&] {
    model.generate(model.latent_noise(batch, ++seed).data(), batch, images.data());
    cpu::to_bytes(images.data(), batch * model.pixels(), pictures.data());
    return int64_t{1};
  };
  bench::serve(hello, step, [&](json& answer) {
    double sum = 0;
    for (const uint8_t pixel : pictures) sum += pixel;
    answer["losses"]["mean_pixel"] = sum / static_cast<double>(pictures.size());
  });
}

// The whole set at a time, as `burin evaluate` does.
void evaluate(Vae& vae, const DeviceImages& test, const json& hello) {
  double elbo = 0;
  const auto pass = [&] {
    elbo = vae.elbo(test);
    return test.count() / vae.config().batch;
  };
  bench::serve(hello, pass, [&](json& answer) { answer["losses"]["elbo"] = elbo; });
}

int run(const std::string& name, const Threads& threads, const std::string& directory,
        const Config& place) {
  const bench::NamedStep named = bench::find_step(name);
  Config config = named.config;
  config.device = place.device;
  config.precision = place.precision;
  config.gemm = place.gemm;
  const Device device = place.device == "cuda" ? Device::cuda : Device::cpu;
  if (device == Device::cuda && !cuda::missing().empty()) {
    throw UsageError(cuda::missing());
  }

  std::unique_ptr<Model> model;
  std::unique_ptr<DeviceImages> data;
  {
    const bool on_test = named.work == bench::Work::evaluate;
    ImageSet images = load_image_set(directory, on_test ? Split::test : Split::train);
    model = make_model(config, images.pixels(), images.count, device);
    model->initialize(images);
    data = std::make_unique<DeviceImages>(std::move(images), device);
  }
  const bench::Work work = named.work;
  const json hello = {
      {"config", to_json(config)},
      {"work", work == bench::Work::train    ? "train"
               : work == bench::Work::sample ? "sample"
                                             : "evaluate"},
      {"images", config.batch},
      {"pixels", data->pixels()},
      {"mflop", bench::step_mflop(named, data->pixels())},
      {"version", device == Device::cuda ? cuda::device_info().name : cpu::gemm_instruction_set()}};
  cpu::set_threads(threads.most);
  if (work == bench::Work::train) train(*model, *data, threads, hello);
  if (work == bench::Work::sample) sample(*model, hello);
  if (work == bench::Work::evaluate) evaluate(static_cast<Vae&>(*model), *data, hello);
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
    return burin::run(argv[1], {std::stoi(argv[2]), mode == "tuned"}, argv[4], place);
  } catch (const std::exception& fault) {
    std::cerr << "burin_steps: " << fault.what() << "\n";
    return 1;
  }
}
