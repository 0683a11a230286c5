// burin evaluate DIR|FILE
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "engine/data/device_images.h"
#include "engine/io/error.h"
#include "evaluation/classifier_cache.h"
#include "evaluation/image_protocol.h"
#include "evaluation/likelihood_protocol.h"
#include "evaluation/metrics.h"
#include "kernels/common/parallel.h"
#include "models/checkpoint.h"
#include "models/training_split.h"
#include "models/vae.h"
#include "tools/command.h"
#include "tools/evaluate_tables.h"
#include "tools/progress.h"

namespace burin::tools {
namespace {

using nlohmann::json;

struct EvaluateArguments {
  std::string path;
  std::string data;
  std::string cache;
  std::vector<std::string> metrics;
  std::vector<int64_t> ks = {500};
  int64_t images = 0;  // all
  int64_t train_images = 1000;
  int64_t count = 10000;
  uint64_t seed = 1;
  bool print_json = false;
};

struct Data {
  std::string directory;
  ImageSet train, test;
  std::optional<ImageSet> part;  // of the training images, those of a run that has not all

  const ImageSet& trained_on() const { return part ? *part : train; }
};

Data load_data(const std::string& directory, const Model& model) {
  Data data = {directory,
               load_image_set(directory, Split::train),
               load_image_set(directory, Split::test),
               {}};
  for (const auto& [name, set] :
       {std::pair("test", &data.test), std::pair("training", &data.train)}) {
    if (set->pixels() == model.pixels()) continue;
    throw Error(fmt::format("{}: {} images have {} pixels, the model makes {}",
                            in_quotes(directory), name, set->pixels(), model.pixels()));
  }
  const Config& config = model.config();
  const bool has_all = config.train_images == 0 && config.hold_out == 0 && config.folds == 0;
  if (directory == config.data && !has_all) {
    data.part = split_training_set(config, ImageSet(data.train)).train;
  }
  return data;
}

// Before anything is computed: are there enough images for each metric?
void check_counts(const std::vector<Metric>& metrics, const EvaluateArguments& arguments,
                  const Data& data) {
  if (arguments.images > data.test.count) {
    throw UsageError(fmt::format("--images: {} are wanted, but {} has {} test images",
                                 arguments.images, in_quotes(data.directory), data.test.count));
  }
  for (const Metric& metric : metrics) {
    const int64_t asked = metric.of_vae ? arguments.images : arguments.count;
    if ((!metric.of_vae || asked > 0) && asked < metric.least) {
      throw UsageError(fmt::format("{}: {} needs at least {} images, found {}",
                                   metric.of_vae ? "--images" : "--count", metric.name,
                                   metric.least, asked));
    }
    for (const auto& [name, set] :
         {std::pair("test", &data.test), std::pair("training", &data.train)}) {
      if (set->count >= metric.least) continue;
      throw Error(fmt::format("{}: {} needs at least {} {} images, found {}",
                              in_quotes(data.directory), metric.name, metric.least, name,
                              set->count));
    }
  }
}

void check_ks(std::vector<int64_t> ks) {
  std::sort(ks.begin(), ks.end());
  const auto twice = std::adjacent_find(ks.begin(), ks.end());
  if (twice != ks.end()) throw UsageError(fmt::format("--k: {} is given twice", *twice));
}

DeviceImages first_images(const ImageSet& set, int64_t count) {
  ImageSet part = {count, set.rows, set.cols, {}, {}};
  part.images.assign(set.images.begin(), set.images.begin() + count * set.pixels());
  part.labels.assign(set.labels.begin(), set.labels.begin() + count);
  return DeviceImages(std::move(part), Device::cpu);
}

void likelihoods(const std::vector<Metric>& metrics, Vae& vae, const EvaluateArguments& arguments,
                 const Data& data, json& results) {
  const int64_t count = arguments.images > 0 ? arguments.images : data.test.count;
  const DeviceImages test = first_images(data.test, count);
  const DeviceImages train =
      first_images(data.trained_on(), std::min(count, data.trained_on().count));
  const DeviceImages nll_train =
      first_images(data.trained_on(), std::min(arguments.train_images, data.trained_on().count));
  for (const Metric& metric : metrics) {
    const std::string name = metric.name;
    if (name == "elbo") results[name] = elbo_report(vae, test, train);
    if (name == "kl") results[name] = kl_report(vae, test, train);
    if (name == "active") results[name] = active_report(vae, test, train);
    if (name != "nll") continue;
    ProgressPrinter progress(arguments.print_json ? ProgressPrinter::Lines::json
                                                  : ProgressPrinter::Lines::plain);
    LikelihoodOptions options;
    options.ks = arguments.ks;
    options.progress = [&](int64_t done, int64_t total) {
      progress.on_count("nll: evaluation", done, total);
    };
    results[name] = nll_report(vae, test, nll_train, options);
    progress.finish();
  }
  results["likelihood_samples"] = {{"test", count},
                                   {"train", train.count()},
                                   {"nll_train", nll_train.count()},
                                   {"seed", Vae::kEvaluationSeed}};
}

void comparisons(const std::vector<Metric>& metrics, Model& model,
                 const EvaluateArguments& arguments, const Data& data, json& results) {
  ImageProtocolOptions options;
  options.count = arguments.count;
  options.seed = arguments.seed;
  options.cache = arguments.cache.empty() ? default_cache_directory() : arguments.cache;
  options.notice = [](const std::string& line) { fmt::print(stderr, "burin: {}\n", line); };
  ImageProtocol protocol(model, data.train, data.test, options);
  for (const Metric& metric : metrics) {
    const std::string name = metric.name;
    if (name == "digits") results[name] = protocol.digits();
    if (name == "fd-mlp") results[name] = protocol.fd_mlp();
    if (name == "fd-rand") results[name] = protocol.fd_rand();
    if (name == "kid") results[name] = protocol.kid();
    if (name == "prdc") results[name] = protocol.prdc();
    if (name == "parzen") results[name] = protocol.parzen();
    if (metric.of_classifier) results["classifier"] = protocol.classifier_report();
  }
  results["samples"] = protocol.samples();
}

void evaluate(const EvaluateArguments& arguments) {
  const Checkpoint checkpoint = read_checkpoint(arguments.path);
  const bool is_vae = checkpoint.config.model == ModelKind::vae;
  const std::vector<Metric> metrics = chosen_metrics(arguments.metrics, is_vae);
  check_ks(arguments.ks);
  cpu::set_threads(0);
  const std::unique_ptr<Model> model = load_model(checkpoint, Device::cpu);
  const Data data =
      load_data(arguments.data.empty() ? checkpoint.config.data : arguments.data, *model);
  check_counts(metrics, arguments, data);

  json results = {{"path", arguments.path}, {"step", checkpoint.progress.step}};
  const auto any = [&](bool of_vae) {
    return std::any_of(metrics.begin(), metrics.end(),
                       [&](const Metric& metric) { return metric.of_vae == of_vae; });
  };
  if (any(true)) likelihoods(metrics, static_cast<Vae&>(*model), arguments, data, results);
  if (any(false)) comparisons(metrics, *model, arguments, data, results);
  if (arguments.print_json) {
    fmt::print("{}\n", json_line(results));
  } else {
    print_evaluation(results);
  }
}

std::string metrics_help() {
  std::string help;
  for (const Metric& metric : all_metrics()) {
    help += fmt::format("{}: {}{}; ", metric.name, metric.what, metric.of_vae ? " (vae)" : "");
  }
  return help + "all: all that fit the model; default: elbo and digits, as far as they fit";
}

}  // namespace

void add_evaluate(CLI::App& app, int&) {
  CLI::App* command = app.add_subcommand("evaluate", "measure a trained model");
  auto arguments = std::make_shared<EvaluateArguments>();
  command->add_option("path", arguments->path, "run directory, or checkpoint file")
      ->required()
      ->type_name("DIR|FILE");
  command->add_option("--metrics", arguments->metrics, metrics_help())
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("A,B");
  command->add_option("--k", arguments->ks, "samples an image of nll; several give a curve")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::Range(int64_t{1}, int64_t{1000000}))
      ->type_name("K,K")
      ->capture_default_str();
  command
      ->add_option("--images", arguments->images,
                   "test images of elbo, nll, kl and active, the first ones; default: all")
      ->check(CLI::Range(int64_t{1}, int64_t{1000000000}))
      ->type_name("N");
  command
      ->add_option("--train-images", arguments->train_images,
                   "training images of nll's floor, the first ones, as far as there are")
      ->check(CLI::Range(int64_t{1}, int64_t{1000000000}))
      ->type_name("N")
      ->capture_default_str();
  command->add_option("--count", arguments->count, "generated images")
      ->check(CLI::Range(int64_t{1}, int64_t{1000000}))
      ->capture_default_str();
  command->add_option("--seed", arguments->seed, "of the generated images")
      ->check(not_negative())
      ->capture_default_str();
  command->add_option("--data", arguments->data, "data directory; default: the run's")
      ->type_name("DIR");
  add_cache_option(*command, arguments->cache);
  command->add_flag("--json", arguments->print_json,
                    "print the result as one JSON object, and progress as one a line");
  command->callback([arguments] { evaluate(*arguments); });
}

}  // namespace burin::tools
