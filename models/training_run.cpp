#include "models/training_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <tuple>

#include "engine/io/error.h"
#include "engine/io/png.h"
#include "kernels/common/parallel.h"
#include "models/memory_plan.h"
#include "models/training_split.h"
#include "models/vae.h"

namespace burin {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kGridColumns = 8;
constexpr int64_t kGridImages = 64;

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

bool is_used(const std::string& directory) {
  return fs::exists(directory) && (!fs::is_directory(directory) || !fs::is_empty(directory));
}

std::string unused_directory(const std::string& preset) {
  const std::string base = "runs/" + preset;
  std::string directory = base;
  for (int number = 2; is_used(directory); ++number) {
    directory = fmt::format("{}-{}", base, number);
  }
  return directory;
}

// Those that a run wrote: digits.png.
void remove_pictures(const fs::path& directory) {
  std::error_code ignored;
  std::vector<fs::path> pictures;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory, ignored)) {
    const std::string stem = entry.path().stem().string();
    const bool digits = stem.find_first_not_of("0123456789") == std::string::npos;
    if (digits && entry.path().extension() == ".png") pictures.push_back(entry.path());
  }
  for (const fs::path& picture : pictures) fs::remove(picture, ignored);
}

int64_t steps_between(double epochs, int64_t steps_per_epoch) {
  if (epochs == 0) return 0;
  return std::max<int64_t>(1, std::llround(epochs * static_cast<double>(steps_per_epoch)));
}

}  // namespace

Device TrainingRun::choose_device() {
  if (config_.device != "cpu") {
    if (cuda::missing().empty()) return Device::cuda;
    if (config_.device == "cuda") throw Error("--device cuda: " + cuda::missing());
    if (kCudaEnabled) where_ += fmt::format(" ({})", cuda::missing());
  }
  for (const auto& [key, value, only] : {std::tuple("precision", config_.precision, "fp32"),
                                         std::tuple("gemm", config_.gemm, "own")}) {
    if (value == only) continue;
    throw UsageError(fmt::format("{} is {}, but training runs on the CPU, which knows {} alone",
                                 key, value, only));
  }
  return Device::cpu;
}

TrainingRun::TrainingRun(const Config& config, const RunOptions& options) : config_(config) {
  resolve_debiasing(config_);
  check_settings(config_);
  const Device device = choose_device();
  std::optional<Checkpoint> checkpoint;
  if (options.resume) checkpoint = read_checkpoint(options.out);
  if (checkpoint && checkpoint->compact != nullptr) {
    throw Error(
        fmt::format("{} holds a compact model, which cannot be trained; go on with the run "
                    "that it was made from",
                    in_quotes(checkpoint->file.path())));
  }

  ImageSet whole = load_image_set(config_.data, Split::train);
  const int64_t all = whole.count;
  SplitImages split = split_training_set(config_, std::move(whole));
  ImageSet& train = split.train;
  std::optional<ImageSet> held_out;
  if (config_.early_stop > 0) held_out = std::move(split.held_out);
  if (config_.batch > train.count) {
    throw UsageError(fmt::format(
        "batch is {}, but {} has {} training images{}", config_.batch, in_quotes(config_.data), all,
        train.count < all ? fmt::format(", of which {} are trained on", train.count) : ""));
  }
  std::optional<ImageSet> test;
  if (config_.model == ModelKind::vae) {
    test = load_image_set(config_.data, Split::test);
    if (test->rows != train.rows || test->cols != train.cols) {
      throw Error(fmt::format("{}: test images are {} x {}, training images {} x {}",
                              in_quotes(config_.data), test->rows, test->cols, train.rows,
                              train.cols));
    }
  }
  MemoryPlan plan;
  if (device == Device::cuda) {
    plan = plan_memory(config_, train, test ? &*test : nullptr, kGridImages,
                       held_out ? &*held_out : nullptr);
    const size_t free = cuda::free_bytes();
    if (plan.total() > free) {
      throw OutOfMemory(fmt::format(
          "out of memory: batch {} takes {}; {} are free on {}; a smaller --batch takes less",
          config_.batch, plan.to_string(), bytes_text(free), cuda::device_info().name));
    }
    where_ = fmt::format("{}, with {}; {} are free", cuda::device_info().name, plan.to_string(),
                         bytes_text(free));
  }
  progress_ = {train.rows, train.cols, train.count, 0, 0};
  model_ = make_model(config_, train.pixels(), train.count, device);
  model_->reserve_step_bytes(plan.step);
  if (checkpoint) {
    const Progress& before = checkpoint->progress;
    if (before.rows != train.rows || before.cols != train.cols || before.count != train.count) {
      throw Error(fmt::format("{} was trained on {} images of {} x {}, {} has {} of {} x {}",
                              in_quotes(options.out), before.count, before.rows, before.cols,
                              in_quotes(config_.data), train.count, train.rows, train.cols));
    }
    restore(*model_, *checkpoint, true);
    progress_ = before;
  } else {
    model_->initialize(train);
    if (!config_.init_from.empty()) {  // weights alone: the run begins at step 0
      restore(*model_, read_checkpoint(config_.init_from), false);
      model_->set_step(0);
    }
  }
  train_ = std::make_unique<DeviceImages>(std::move(train), device);
  if (held_out) held_out_ = std::make_unique<DeviceImages>(*std::move(held_out), device);
  if (test) test_ = std::make_unique<DeviceImages>(*std::move(test), device);
  total_steps_ = config_.steps > 0 ? config_.steps : config_.epochs * model_->steps_per_epoch();
  step_at_log_ = progress_.step;
  open_directory(options);
}

void TrainingRun::open_directory(const RunOptions& options) {
  out_ = options.out.empty() ? unused_directory(config_.preset) : options.out;
  const fs::path directory(out_);
  if (!options.resume && is_used(out_)) {
    if (!fs::is_directory(directory)) throw Error(in_quotes(out_) + " is not a directory");
    if (!options.overwrite) {
      throw Error(fmt::format(
          "{} is already used; give --resume to go on, --overwrite to start anew, or another --out",
          in_quotes(out_)));
    }
    // Only what a run writes.
    std::error_code ignored;
    for (const char* name :
         {"config.json", "metrics.jsonl", "checkpoint.safetensors", "best.safetensors"}) {
      fs::remove(directory / name, ignored);
    }
    remove_pictures(directory / "samples");
  }
  create_directories(out_);
  create_directories((directory / "samples").string());
  remove_leftovers(directory.string());
  remove_leftovers((directory / "samples").string());
  write_file_atomically((directory / "config.json").string(), to_json(config_).dump(2) + "\n");
  // After a crash the lines behind the checkpoint are written again.
  metrics_.emplace((directory / "metrics.jsonl").string(), [this](std::string_view line) {
    const nlohmann::json point = nlohmann::json::parse(line, nullptr, false);
    return point.is_object() && point.value("step", int64_t{0}) <= progress_.step;
  });
  if (options.resume) return;
  try {
    save_checkpoint((directory / "checkpoint.safetensors").string(), *model_, progress_);
  } catch (
      ...) {  // nothing was trained: leave nothing, so that the same command can be given again
    metrics_.reset();
    std::error_code ignored;
    for (const char* name : {"config.json", "metrics.jsonl", "samples"}) {
      fs::remove(directory / name, ignored);
    }
    fs::remove(directory, ignored);  // if it is empty
    throw;
  }
}

LogPoint TrainingRun::measure(bool evaluate) {
  LogPoint point;
  point.step = model_->step();
  point.epoch = static_cast<double>(point.step) / static_cast<double>(model_->steps_per_epoch());
  point.seconds = progress_.seconds;
  const int64_t steps = point.step - step_at_log_;
  const double seconds = progress_.seconds - seconds_at_log_;
  if (seconds > 0) point.images_per_s = static_cast<double>(steps * config_.batch) / seconds;
  point.learning_rate = model_->learning_rate();
  const std::vector<double> losses = model_->take_losses();
  for (size_t i = 0; i < losses.size() && steps > 0; ++i) {
    point.losses[model_->loss_names()[i]] = losses[i];
  }
  if (evaluate && test_ != nullptr) {
    point.losses["test_elbo"] = static_cast<Vae&>(*model_).elbo(*test_);
  }
  if (judged_) point.losses["held_out_elbo"] = *judged_;
  for (const Model::Network& network : model_->networks()) {
    const Optimizer& optimizer = *network.optimizer;
    point.l1[network.name] = optimizer.l1_norm();
    point.lambda[network.name] = model_->lambda(network);
    point.zeros[network.name] = optimizer.zero_fraction();
    point.gradient_norm[network.name] = optimizer.gradient_norm();
    for (int i = 0; i < network.parameters->count(); ++i) {
      const ParameterInfo& info = network.parameters->info(i);
      if (!info.is_weight) continue;
      const std::string layer = info.name.substr(0, info.name.rfind('.'));
      point.layer_zeros[fmt::format("{}.{}", network.name, layer)] =
          static_cast<double>(optimizer.stats(i).zeros) /
          static_cast<double>(info.shape.elements());
    }
  }
  return point;
}

void TrainingRun::log(RunListener& listener, bool evaluate) {
  last_ = measure(evaluate);
  const LogPoint& point = last_;
  const nlohmann::json line = {{"step", point.step},
                               {"epoch", point.epoch},
                               {"seconds", point.seconds},
                               {"images_per_s", point.images_per_s},
                               {"learning_rate", point.learning_rate},
                               {"losses", point.losses},
                               {"l1", point.l1},
                               {"lambda", point.lambda},
                               {"zeros", point.layer_zeros},
                               {"gradient_norm", point.gradient_norm}};
  metrics_->append(line.dump());
  step_at_log_ = point.step;
  seconds_at_log_ = progress_.seconds;
  listener.on_log(point, total_steps_);
}

bool TrainingRun::waited_in_vain() const {
  const int64_t wait = config_.early_stop * model_->steps_per_epoch();
  return wait > 0 && progress_.best_step > 0 && model_->step() - progress_.best_step >= wait;
}

// By the images held out, at the end of an epoch.
void TrainingRun::judge() {
  judged_ = static_cast<Vae&>(*model_).elbo(*held_out_);
  if (!std::isfinite(*judged_)) return;
  if (progress_.best_step > 0 && *judged_ <= progress_.best_elbo) return;
  progress_.best_elbo = *judged_;
  progress_.step = progress_.best_step = model_->step();
  save_checkpoint((fs::path(out_) / "best.safetensors").string(), *model_, progress_);
}

void TrainingRun::checkpoint() {
  for (const Model::Network& network : model_->networks()) {
    if (std::isfinite(network.optimizer->l1_norm())) continue;
    throw TrainingDiverged(fmt::format(
        "step {}: the {} has weights that are infinite or NaN; a smaller learning rate may help",
        model_->step(), network.name));
  }
  progress_.step = model_->step();
  const std::string path = (fs::path(out_) / "checkpoint.safetensors").string();
  save_checkpoint(path, *model_, progress_);
}

void TrainingRun::pictures() {
  const std::vector<float> images =
      model_->generate(model_->latent_noise(kGridImages, config_.seed));
  const std::string path =
      (fs::path(out_) / "samples" / fmt::format("{:06}.png", model_->step())).string();
  write_png(path,
            tile_grid(images.data(), kGridImages, progress_.rows, progress_.cols, kGridColumns));
}

TrainingRun::Result TrainingRun::train(RunListener& listener, const std::atomic<bool>& stop) {
  const int64_t per_epoch = model_->steps_per_epoch();
  const int64_t sample_every = steps_between(config_.sample_every, per_epoch);
  const int64_t checkpoint_every = steps_between(config_.checkpoint_every, per_epoch);
  const auto due = [](int64_t step, int64_t every) { return every > 0 && step % every == 0; };
  const int most =
      config_.threads > 0 ? static_cast<int>(config_.threads) : cpu::available_processors();
  ThreadTuner tuner(most);
  seconds_at_log_ = progress_.seconds;

  bool trained = false;
  while (!finished() && !stop) {
    cpu::set_threads(tuner.threads());
    const double begin = now();
    model_->train_step(*train_);
    const int64_t step = model_->step();
    judged_.reset();
    const bool epoch_ends = held_out_ != nullptr && step % per_epoch == 0;
    const bool looks = step == total_steps_ || epoch_ends || due(step, checkpoint_every) ||
                       due(step, sample_every) || due(step, config_.log_every);
    // A GPU is given step after step until somebody wants to see what came of them.
    if (looks || stop) model_->synchronize();
    const double seconds = now() - begin;
    if (epoch_ends) judge();
    const bool last = finished();
    const bool save = last || due(step, checkpoint_every);
    const bool show = last || due(step, sample_every);
    const bool note = save || epoch_ends || due(step, config_.log_every);
    tuner.record(seconds);
    progress_.seconds += seconds;
    session_seconds_ += seconds;
    ++session_steps_;
    trained = true;

    listener.on_step(step, total_steps_);
    if (note) log(listener, save);
    if (show) pictures();
    if (save) checkpoint();
  }
  Result result;
  result.interrupted = !finished();
  if (!trained) {
    last_ = measure(true);
  } else if (result.interrupted) {
    if (step_at_log_ < model_->step()) log(listener, true);
    checkpoint();
  }
  result.steps = model_->step();
  result.epochs = static_cast<double>(result.steps) / static_cast<double>(per_epoch);
  result.seconds = progress_.seconds;
  if (session_seconds_ > 0) {
    result.images_per_s = static_cast<double>(session_steps_ * config_.batch) / session_seconds_;
  }
  result.last = last_;
  result.out = out_;
  return result;
}

}  // namespace burin
