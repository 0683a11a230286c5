#include "tools/evaluate_tables.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace burin::tools {
namespace {

using nlohmann::json;

// "98.84", or "98.84 +- 0.25" where there is an error.
std::string figure(const json& value, int digits, double error = -1) {
  if (value.is_number_integer()) return fmt::format("{}", value.get<int64_t>());
  if (error < 0) return fmt::format("{:.{}f}", value.get<double>(), digits);
  return fmt::format("{:.{}f} +- {:.{}f}", value.get<double>(), digits, error, digits);
}

void print_row(const std::string& name, const std::vector<std::string>& cells) {
  fmt::print("{:<24}", name);
  for (const std::string& cell : cells) fmt::print("{:>20}", cell);
  fmt::print("\n");
}

// Rows of the same three columns, of `results` at `keys`.
void print_three(const std::string& name, const json& row, int digits,
                 const std::vector<const char*>& keys) {
  std::vector<std::string> cells;
  for (const char* key : keys) cells.push_back(figure(row[key], digits));
  print_row(name, cells);
}

void print_likelihoods(const json& results) {
  const json& samples = results["likelihood_samples"];
  const std::vector<const char*> keys = {"test", "train", "noise"};
  fmt::print("likelihood, nats an image; {} test images, dynamic binarisation, seed {}\n",
             samples["test"].get<int64_t>(), samples["seed"].get<uint64_t>());
  print_row("", {"test", "train", "noise"});
  if (results.contains("elbo")) print_three("test ELBO", results["elbo"], 2, keys);
  if (results.contains("nll")) {
    for (const json& point : results["nll"]["curve"]) {
      print_row(fmt::format("test NLL, k = {}", point["k"].get<int64_t>()),
                {figure(point["test"], 2, point["error"].get<double>()),
                 figure(point["train"], 2, point["train_error"].get<double>()),
                 figure(results["nll"]["noise"], 2)});
    }
  }
  if (results.contains("kl")) {
    const json& kl = results["kl"];
    print_row("KL", {figure(kl["test"], 2, kl["error"].get<double>()), figure(kl["train"], 2),
                     figure(kl["noise"], 2)});
  }
  if (results.contains("active")) {
    const json& active = results["active"];
    print_three(fmt::format("active units of {}", active["latent"].get<int64_t>()), active, 0,
                keys);
  }
  fmt::print(
      "train: the first {} training images{}; noise: a model that tosses a fair coin a pixel\n",
      samples["train"].get<int64_t>(),
      results.contains("nll") && samples["nll_train"] != samples["train"]
          ? fmt::format(" ({} for the NLL)", samples["nll_train"].get<int64_t>())
          : "");
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
       {std::pair("generated", &result), std::pair("test images", &result["test_images"]),
        std::pair("training images", &result["train"]), std::pair("noise", &result["noise"])}) {
    fmt::print("{:<16}", name);
    for (const json& fraction : (*row)["histogram"]) {
      fmt::print("{:>5.1f} %", 100 * fraction.get<double>());
    }
    fmt::print("{:>12.3f}{:>10.3f}\n", (*row)["confidence"].get<double>(),
               (*row)["entropy"].get<double>());
  }
}

void print_with_error(const std::string& name, const json& row, int digits) {
  std::vector<std::string> cells;
  for (const char* key : {"generated", "train", "noise"}) {
    cells.push_back(figure(row[key]["value"], digits, row[key]["error"].get<double>()));
  }
  print_row(name, cells);
}

void print_comparisons(const json& results) {
  const json& samples = results["samples"];
  const std::vector<const char*> keys = {"generated", "train", "noise"};
  fmt::print("{} generated images, seed {}, against {} test images\n",
             samples["generated"].get<int64_t>(), samples["seed"].get<uint64_t>(),
             samples["test"].get<int64_t>());
  print_row("", {"generated", "train", "noise"});
  if (results.contains("fd-mlp")) print_three("fd-mlp", results["fd-mlp"], 3, keys);
  if (results.contains("fd-rand")) {
    const json& row = results["fd-rand"];
    print_row("fd-rand", {figure(row["generated"], 4, row["deviation"].get<double>()),
                          figure(row["train"], 4), figure(row["noise"], 4)});
  }
  if (results.contains("kid")) print_with_error("kid", results["kid"], 4);
  if (results.contains("prdc")) {
    for (const char* name : {"precision", "recall", "density", "coverage"}) {
      std::vector<std::string> cells;
      for (const char* key : keys) cells.push_back(figure(results["prdc"][key][name], 3));
      print_row(name, cells);
    }
  }
  if (results.contains("parzen")) {
    const json& row = results["parzen"];
    print_with_error("parzen (historical)", row, 1);
    print_row("  its sigma", {figure(row["generated"]["sigma"], 3),
                              figure(row["train"]["sigma"], 3), figure(row["noise"]["sigma"], 3)});
  }
  fmt::print(
      "train: the first {} training images, as a perfect model would do; noise: {} images of "
      "uniform "
      "pixels\n",
      samples["train"].get<int64_t>(), samples["noise"].get<int64_t>());
}

void print_classifier(const json& classifier) {
  std::string layers;
  for (const json& size : classifier["layers"]) {
    layers += fmt::format("{}{}", layers.empty() ? "" : "-", size.get<int64_t>());
  }
  fmt::print(
      "classifier: dense layers {}, not a convolutional network; seed {}, right on {:.2f} % of the "
      "test images, hash {}\n",
      layers, classifier["seed"].get<uint64_t>(), 100 * classifier["test_accuracy"].get<double>(),
      classifier["hash"].get<std::string>());
}

}  // namespace

void print_evaluation(const json& results) {
  if (results.contains("likelihood_samples")) print_likelihoods(results);
  if (results.contains("digits")) print_digits(results["digits"]);
  for (const char* name : {"fd-mlp", "fd-rand", "kid", "prdc", "parzen"}) {
    if (!results.contains(name)) continue;
    print_comparisons(results);
    break;
  }
  if (results.contains("classifier")) print_classifier(results["classifier"]);
}

}  // namespace burin::tools
