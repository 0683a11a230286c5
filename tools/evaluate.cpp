// burin evaluate DIR|FILE
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "engine/data/device_images.h"
#include "engine/io/error.h"
#include "kernels/common/parallel.h"
#include "models/checkpoint.h"
#include "models/classifier.h"
#include "models/vae.h"
#include "tools/command.h"
#include "tools/progress.h"

namespace burin::tools {
namespace {

using nlohmann::json;

constexpr uint64_t kClassifierSeed = 1;

struct EvaluateArguments {
  std::string path;
  std::string data;
  std::vector<std::string> metrics;
  int64_t k = 500;
  int64_t images = 0;  // all
  int64_t count = 10000;
  uint64_t seed = 1;
  bool print_json = false;
};

json digits_json(const DigitReport& report) {
  return {{"confidence", report.confidence},
          {"entropy", report.entropy},
          {"histogram", report.histogram}};
}

// Label histogram and confidence of generated images, beside those of the test images.
json digits(Model& model, const EvaluateArguments& arguments, const std::string& data,
            const ImageSet& test) {
  const ImageSet train = load_image_set(data, Split::train);
  if (train.pixels() != model.pixels()) {
    throw Error(fmt::format("{}: training images have {} pixels, the model makes {}",
                            in_quotes(data), train.pixels(), model.pixels()));
  }
  const int64_t classes = 1 + *std::max_element(train.labels.begin(), train.labels.end());
  Classifier classifier(DeviceImages(train, Device::cpu), classes, kClassifierSeed);
  const std::vector<float> images =
      model.generate(model.latent_noise(arguments.count, arguments.seed));
  std::vector<float> real(test.images.size());
  for (size_t i = 0; i < real.size(); ++i) {
    real[i] = static_cast<float>(test.images[i]) / 255.0f;
  }
  json result = digits_json(digit_report(classifier.classify(images), classes));
  result["count"] = arguments.count;
  result["seed"] = arguments.seed;
  result["test_images"] = digits_json(digit_report(classifier.classify(real), classes));
  result["classifier_test_accuracy"] = classifier.accuracy(DeviceImages(test, Device::cpu));
  return result;
}

void print_digits(const json& result) {
  fmt::print(
      "digits of {} generated images, by a classifier that is right on {:.2f} % of the test "
      "images\n",
      result["count"].get<int64_t>(), 100 * result["classifier_test_accuracy"].get<double>());
  fmt::print("{:<16}", "");
  for (size_t i = 0; i < result["histogram"].size(); ++i) fmt::print("{:>7}", i);
  fmt::print("{:>12}{:>10}\n", "confidence", "entropy");
  for (const auto& [name, row] :
       {std::pair("generated", &result), std::pair("test images", &result["test_images"])}) {
    fmt::print("{:<16}", name);
    for (const json& fraction : (*row)["histogram"]) {
      fmt::print("{:>5.1f} %", 100 * fraction.get<double>());
    }
    fmt::print("{:>12.3f}{:>10.3f}\n", (*row)["confidence"].get<double>(),
               (*row)["entropy"].get<double>());
  }
}

// The first images of the test set, as many as are wanted.
DeviceImages likelihood_images(const EvaluateArguments& arguments, const std::string& data,
                               const ImageSet& test) {
  ImageSet part = test;
  if (arguments.images > 0) {
    if (arguments.images > test.count) {
      throw UsageError(fmt::format("--images: {} are wanted, but {} has {} test images",
                                   arguments.images, in_quotes(data), test.count));
    }
    part.count = arguments.images;
    part.images.resize(static_cast<size_t>(part.count * test.pixels()));
    part.labels.resize(static_cast<size_t>(part.count));
  }
  return DeviceImages(std::move(part), Device::cpu);
}

double negative_log_likelihood(Vae& vae, const DeviceImages& images, int64_t k) {
  ProgressPrinter progress;
  const double nll = vae.nll(images, k, [&](int64_t done, int64_t total) {
    progress.on_count("nll: evaluation", done, total);
  });
  progress.finish();
  return nll;
}

void print_likelihoods(const json& results) {
  const int64_t images = results["images"];
  if (results.contains("elbo")) {
    fmt::print("test ELBO {:.2f} nats ({} images, dynamic binarisation, one sample an image)\n",
               results["elbo"].get<double>(), images);
  }
  if (results.contains("nll")) {
    fmt::print(
        "test NLL {:.2f} nats ({} images, dynamic binarisation, importance sampling, k = "
        "{})\n",
        results["nll"].get<double>(), images, results["k"].get<int64_t>());
  }
}

void evaluate(const EvaluateArguments& arguments) {
  const Checkpoint checkpoint = read_checkpoint(arguments.path);
  const bool is_vae = checkpoint.config.model == ModelKind::vae;
  std::vector<std::string> metrics = arguments.metrics;
  if (metrics.empty()) {
    metrics = {"digits"};
    if (is_vae) metrics.insert(metrics.begin(), "elbo");
  }
  for (const std::string& metric : metrics) {
    const bool likelihood = metric == "elbo" || metric == "nll";
    if (likelihood && !is_vae) {
      throw UsageError(fmt::format("--metrics: a gan has no likelihood; {} is for a vae", metric));
    }
    if (!likelihood && metric != "digits") {
      throw UsageError(
          fmt::format("--metrics: {} is not known; expected elbo, nll, digits", metric));
    }
  }
  cpu::set_threads(0);
  const std::unique_ptr<Model> model = load_model(checkpoint, Device::cpu);
  std::string data = arguments.data.empty() ? checkpoint.config.data : arguments.data;
  const ImageSet test = load_image_set(data, Split::test);
  if (test.pixels() != model->pixels()) {
    throw Error(fmt::format("{}: test images have {} pixels, the model makes {}", in_quotes(data),
                            test.pixels(), model->pixels()));
  }
  json results = {{"path", arguments.path}, {"step", checkpoint.progress.step}};
  for (const std::string& metric : metrics) {
    if (metric == "elbo" || metric == "nll") {
      Vae& vae = static_cast<Vae&>(*model);
      const DeviceImages images = likelihood_images(arguments, data, test);
      results["images"] = images.count();
      if (metric == "elbo") results["elbo"] = vae.elbo(images);
      if (metric == "nll") {
        results["k"] = arguments.k;
        results["nll"] = negative_log_likelihood(vae, images, arguments.k);
      }
    } else {
      results["digits"] = digits(*model, arguments, data, test);
    }
  }
  if (arguments.print_json) {
    fmt::print("{}\n", json_line(results));
    return;
  }
  if (results.contains("images")) print_likelihoods(results);
  if (results.contains("digits")) print_digits(results["digits"]);
}

}  // namespace

void add_evaluate(CLI::App& app, int&) {
  CLI::App* command = app.add_subcommand("evaluate", "measure a trained model");
  auto arguments = std::make_shared<EvaluateArguments>();
  command->add_option("path", arguments->path, "run directory, or checkpoint file")
      ->required()
      ->type_name("DIR|FILE");
  command
      ->add_option("--metrics", arguments->metrics,
                   "elbo: test evidence lower bound of a vae; nll: its negative log-likelihood by "
                   "importance sampling; digits: what a classifier sees in generated images; "
                   "default: elbo and digits, as far as they fit")
      ->delimiter(',')
      ->type_name("A,B");
  command->add_option("--k", arguments->k, "samples an image of nll")
      ->check(CLI::Range(int64_t{1}, int64_t{1000000}))
      ->capture_default_str();
  command
      ->add_option("--images", arguments->images,
                   "test images of elbo and nll, the first ones; default: all")
      ->check(CLI::Range(int64_t{1}, int64_t{1000000000}))
      ->type_name("N");
  command->add_option("--count", arguments->count, "generated images")
      ->check(CLI::Range(int64_t{1}, int64_t{1000000}))
      ->capture_default_str();
  command->add_option("--seed", arguments->seed, "of the generated images")
      ->check(not_negative())
      ->capture_default_str();
  command->add_option("--data", arguments->data, "data directory; default: the run's")
      ->type_name("DIR");
  command->add_flag("--json", arguments->print_json, "print the result as one JSON object");
  command->callback([arguments] { evaluate(*arguments); });
}

}  // namespace burin::tools
