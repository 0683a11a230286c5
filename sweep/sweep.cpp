#include "sweep/sweep.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>

#include "engine/io/error.h"
#include "engine/io/files.h"
#include "engine/io/hash.h"
#include "evaluation/classifier_cache.h"
#include "evaluation/dead_units.h"
#include "kernels/common/parallel.h"
#include "models/checkpoint.h"
#include "models/training_run.h"
#include "models/training_split.h"
#include "sweep/sealed_json.h"

namespace burin {

using nlohmann::json;
namespace fs = std::filesystem;

namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string hash_of(const ImageSet& train, const ImageSet& test) {
  Hash hash;
  for (const ImageSet* set : {&train, &test}) {
    for (const int64_t number : {set->count, set->rows, set->cols}) {
      hash.add(static_cast<uint64_t>(number));
    }
    hash.add(set->images.data(), set->images.size());
    hash.add(set->labels.data(), set->labels.size());
  }
  return hash.hexadecimal();
}

ImageSet first_of(const ImageSet& set, std::vector<int64_t> indices, int64_t count) {
  indices.resize(static_cast<size_t>(count));
  return select_images(set, indices);
}

// Of MNIST's 60,000 images as many as there are test images.
constexpr int64_t kHeldOutShare = 6;

// What lambda acts on, and what is counted: the networks that are shipped.
bool is_shipped(const std::string& network) {
  return network != "discriminator";
}

// Zeros of the weights, and units that are left for nothing.
void count_zeros(Model& model, json& score) {
  double zeros = 0, weights = 0;
  DeadUnits hidden, latents;
  for (const Model::Network& network : model.networks()) {
    score["zeros_by_network"][network.name] = network.optimizer->zero_fraction();
    if (!is_shipped(network.name)) continue;
    const Parameters& parameters = *network.parameters;
    for (int i = 0; i < parameters.count(); ++i) {
      if (!parameters.info(i).is_weight) continue;
      zeros += static_cast<double>(network.optimizer->stats(i).zeros);
      weights += static_cast<double>(parameters.info(i).shape.elements());
    }
    const DeadUnits units = dead_hidden_units(parameters);
    hidden.dead += units.dead;
    hidden.units += units.units;
    if (std::string(network.name) != "encoder") latents = dead_inputs(parameters);
  }
  score["zeros"] = zeros / weights;
  score["dead_units"] = hidden.dead;
  score["hidden_units"] = hidden.units;
  score["dead_latents"] = latents.dead;
  score["latents"] = latents.units;
}

// The steps of a cell as steps of the sweep.
class CellListener : public RunListener {
 public:
  CellListener(SweepListener& listener, const SweepCell& cell, int64_t number, int64_t before,
               int64_t total)
      : listener_(listener), cell_(cell), number_(number), before_(before), total_(total) {}
  void on_step(int64_t step, int64_t) override {
    listener_.on_step(cell_, number_, before_ + step, total_);
  }
  void on_log(const LogPoint&, int64_t) override {}

 private:
  SweepListener& listener_;
  const SweepCell& cell_;
  const int64_t number_, before_, total_;
};

}  // namespace

// Of a directory, against a second process in it; it ends with the process, however that ends.
class Sweep::Lock {
 public:
  explicit Lock(const std::string& directory)
      : descriptor_(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    if (descriptor_ < 0) throw system_error("open", directory, errno);
    if (flock(descriptor_, LOCK_EX | LOCK_NB) == 0) return;
    const int code = errno;
    close(descriptor_);
    if (code != EWOULDBLOCK) throw system_error("lock", directory, code);
    throw Error(fmt::format("another `burin sweep` is at work in {}", in_quotes(directory)));
  }
  ~Lock() { close(descriptor_); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  const int descriptor_;
};

json read_score(const std::string& directory, const SweepCell& cell) {
  const std::string path = (fs::path(directory) / "cells" / cell.name / "score.json").string();
  if (!fs::exists(path)) return nullptr;
  const json score = read_sealed(path, kScoreFormat);
  if (score.value("cell", "") != cell.name) {
    throw Error(fmt::format("{} is of another cell: {}", in_quotes(path),
                            in_quotes(score.value("cell", ""))));
  }
  return score;
}

Sweep::Sweep(SweepPlan plan, std::string directory, std::string cache)
    : plan_(std::move(plan)),
      directory_(std::move(directory)),
      cache_(std::move(cache)),
      metrics_(chosen_scores(plan_.metrics, plan_.base.model == ModelKind::vae)),
      cells_(cells_of(plan_)) {
  check_plan(plan_);
  train_ = load_image_set(plan_.base.data, Split::train);
  test_ = load_image_set(plan_.base.data, Split::test);
  if (test_.rows != train_.rows || test_.cols != train_.cols) {
    throw Error(fmt::format("{}: test images are {} x {}, training images {} x {}",
                            in_quotes(plan_.base.data), test_.rows, test_.cols, train_.rows,
                            train_.cols));
  }
  if (plan_.base.folds == 0 && plan_.base.hold_out == 0) {
    const int64_t used = plan_.base.train_images > 0 ? plan_.base.train_images : train_.count;
    plan_.base.hold_out = std::max<int64_t>(1, used / kHeldOutShare);
  }
  Config of_fold = plan_.base;
  check_split(of_fold, train_.count);
  for (int64_t fold = 1; fold <= std::max<int64_t>(plan_.base.folds, 1); ++fold) {
    of_fold.fold = fold;
    splits_.push_back(split_of(of_fold, train_.labels));
  }
  check_images();
  plan_.data_hash = hash_of(train_, test_);
  if (fs::is_directory(directory_)) lock_ = std::make_unique<Lock>(directory_);
  store_plan(plan_, directory_);
  if (!lock_) lock_ = std::make_unique<Lock>(directory_);
  remove_leftovers(directory_);
  // What is done counts first, so that what is left can be judged.
  for (const SweepCell& cell : cells_) {
    steps_total_ += steps_of(cell);
    if (!read_score(directory_, cell).is_null()) steps_done_ += steps_of(cell);
  }
}

Sweep::~Sweep() = default;

const SplitIndices& Sweep::split_of_fold(int64_t fold) const {
  return splits_[static_cast<size_t>(std::max<int64_t>(fold, 1) - 1)];
}

// As many of each, so that the scores compare: some depend on the number.
Sweep::Sets Sweep::sets_of(const SweepCell& cell) const {
  const SplitIndices& split = split_of_fold(cell.fold);
  Sets sets;
  sets.trained_on = static_cast<int64_t>(split.train.size());
  sets.kept_out = static_cast<int64_t>(split.held_out.size());
  const int64_t most = std::min(plan_.score_images, sets.kept_out);
  sets.held_out = first_of(train_, split.held_out, most);
  sets.train = first_of(train_, split.train, std::min(most, sets.trained_on));
  std::vector<int64_t> test;
  for (int64_t i = 0; i < std::min(most, test_.count); ++i) test.push_back(i);
  sets.test = select_images(test_, test);
  return sets;
}

// Are there enough for each batch and metric?
void Sweep::check_images() const {
  for (const SplitIndices& split : splits_) {
    const int64_t trained_on = static_cast<int64_t>(split.train.size());
    const int64_t kept_out = static_cast<int64_t>(split.held_out.size());
    if (plan_.base.batch > trained_on) {
      throw UsageError(fmt::format("batch is {}, but {} images are left to train on",
                                   plan_.base.batch, trained_on));
    }
    for (const Score& metric : metrics_) {
      const std::pair<const char*, int64_t> numbers[] = {{"held-out", kept_out},
                                                         {"training", trained_on},
                                                         {"test", test_.count},
                                                         {"scored", plan_.score_images}};
      for (const auto& [name, number] : numbers) {
        if (number >= metric.least) continue;
        throw UsageError(fmt::format("--metrics: {} needs at least {} {} images, found {}",
                                     metric.name, metric.least, name, number));
      }
      if (!metric.of_vae && plan_.score_count < metric.least) {
        throw UsageError(fmt::format("--score-count: {} needs at least {} images, found {}",
                                     metric.name, metric.least, plan_.score_count));
      }
    }
  }
}

std::string Sweep::directory_of(const SweepCell& cell) const {
  return (fs::path(directory_) / "cells" / cell.name).string();
}

int64_t Sweep::steps_of(const SweepCell& cell) const {
  if (plan_.base.steps > 0) return plan_.base.steps;
  const int64_t images = static_cast<int64_t>(split_of_fold(cell.fold).train.size());
  return plan_.base.epochs * (images / plan_.base.batch);
}

bool Sweep::run(SweepListener& listener, const std::atomic<bool>& stop) {
  create_directories((fs::path(directory_) / "cells").string());
  for (size_t i = 0; i < cells_.size(); ++i) {
    json score = read_score(directory_, cells_[i]);
    if (score.is_null()) {
      const int64_t number = static_cast<int64_t>(i) + 1;
      if (!stop) score = run_cell(cells_[i], number, listener, stop);
      if (score.is_null()) return false;
      steps_done_ += steps_of(cells_[i]);
      write_sealed((fs::path(directory_of(cells_[i])) / "score.json").string(), score);
      listener.on_cell(cells_[i], number, score);
    }
    scores_.push_back(score);
  }
  return true;
}

json Sweep::run_cell(const SweepCell& cell, int64_t number, SweepListener& listener,
                     const std::atomic<bool>& stop) {
  const std::string directory = directory_of(cell);
  json score = {{"format", kScoreFormat}, {"cell", cell.name}, {"penalty", cell.penalty},
                {"lambda", cell.lambda},  {"seed", cell.seed}, {"fold", cell.fold}};
  if (!cell.previous.empty()) {
    SweepCell before;
    before.name = cell.previous;
    if (!read_score(directory_, before).at("diverged").is_null()) {
      create_directories(directory);
      score["diverged"] = fmt::format("{}, whose weights it would begin with, did", cell.previous);
      return score;
    }
  }
  const Config config = config_of(plan_, cell, directory_);
  RunOptions options;
  options.out = directory;
  options.resume = fs::exists(fs::path(directory) / "checkpoint.safetensors");
  // Before its first checkpoint a run has done nothing that would be lost.
  options.overwrite = !options.resume;
  try {
    TrainingRun run(config, options);
    CellListener steps(listener, cell, number, steps_done_, steps_total_);
    const TrainingRun::Result result = run.train(steps, stop);
    if (result.interrupted) return nullptr;
    score["steps"] = result.steps;
    score["seconds"] = result.seconds;
  } catch (const TrainingDiverged& fault) {
    score["diverged"] = fault.what();
    return score;
  }
  score.update(score_cell(cell, listener));
  return score;
}

json Sweep::score_cell(const SweepCell& cell, SweepListener& listener) {
  const double begin = now();
  cpu::set_threads(static_cast<int>(plan_.base.threads));
  // Of a run that stops early, what it is stopped for.
  const fs::path best = fs::path(directory_of(cell)) / "best.safetensors";
  const std::string trained = plan_.base.early_stop > 0 ? best.string() : directory_of(cell);
  const std::unique_ptr<Model> model = load_model(read_checkpoint(trained), Device::cpu);
  ScoreOptions options;
  options.count = plan_.score_count;
  options.k = plan_.score_k;
  const bool judged = std::any_of(metrics_.begin(), metrics_.end(),
                                  [](const Score& metric) { return !metric.of_vae; });
  ModelScores scores(*model, metrics_, options, judged ? &classifier(listener) : nullptr);
  const Sets sets = sets_of(cell);
  json score = {{"diverged", nullptr},
                {"images",
                 {{"trained_on", sets.trained_on},
                  {"held_out", sets.kept_out},
                  {"scored", sets.held_out.count}}}};
  for (const auto& [name, set] : {std::pair("validation", &sets.held_out),
                                  std::pair("train", &sets.train), std::pair("test", &sets.test)}) {
    const std::map<std::string, double> values = scores.on(*set);
    for (const auto& [metric, value] : values) {
      if (std::isfinite(value)) continue;
      return {{"diverged", fmt::format("{} is not finite ({} images)", metric, name)}};
    }
    score[name] = values;
  }
  if (judged) score["classifier"] = classifier(listener).hash();
  count_zeros(*model, score);
  score["scoring_seconds"] = now() - begin;
  return score;
}

Classifier& Sweep::classifier(SweepListener& listener) {
  if (!classifier_) {
    const int64_t classes = 1 + *std::max_element(train_.labels.begin(), train_.labels.end());
    classifier_ =
        cached_classifier(cache_, DeviceImages(train_, Device::cpu), classes, kClassifierSeed,
                          [&](const std::string& line) { listener.on_notice(line); });
  }
  return *classifier_;
}

}  // namespace burin
