#include "models/checkpoint.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>

#include "engine/backend/memory.h"
#include "engine/io/error.h"
#include "models/compact.h"

namespace burin {
namespace {

constexpr const char* kFormat = "burin-checkpoint-1";

// Calls visit(name in the file, tensor, is optimiser state) for all that a checkpoint holds.
void for_each_tensor(Model& model,
                     const std::function<void(const std::string&, const Tensor&, bool)>& visit) {
  for (const Model::Network& network : model.networks()) {
    const Parameters& parameters = *network.parameters;
    for (int i = 0; i < parameters.count(); ++i) {
      const std::string name = fmt::format("{}.{}", network.name, parameters.info(i).name);
      visit(name, parameters.value(i), false);
      if (network.average != nullptr) {
        visit("average." + name, parameters.view(*network.average, i), false);
      }
      for (const Optimizer::State& state : network.optimizer->states()) {
        visit(fmt::format("optimizer.{}.{}", name, state.name), parameters.view(*state.buffer, i),
              true);
      }
    }
  }
}

std::string checkpoint_path(const std::string& path) {
  if (!std::filesystem::is_directory(path)) return path;
  const std::filesystem::path file = std::filesystem::path(path) / "checkpoint.safetensors";
  if (!std::filesystem::exists(file)) {
    throw Error(
        fmt::format("{} has no checkpoint.safetensors: it is not a run directory, or its "
                    "run was stopped before the first checkpoint",
                    in_quotes(path)));
  }
  return file.string();
}

const std::string& metadata(const SafetensorsFile& file, const std::string& key) {
  const auto found = file.metadata().find(key);
  if (found == file.metadata().end()) {
    throw Error(fmt::format("{} is not a checkpoint of Burin: it has no metadata '{}'",
                            in_quotes(file.path()), key));
  }
  return found->second;
}

}  // namespace

nlohmann::json to_json(const Progress& progress) {
  return {{"rows", progress.rows},
          {"cols", progress.cols},
          {"count", progress.count},
          {"step", progress.step},
          {"seconds", progress.seconds}};
}

void save_checkpoint(const std::string& path, Model& model, const Progress& progress) {
  std::vector<TensorRef> tensors;
  std::vector<std::vector<float>> staged;  // of tensors that are not in host memory
  for_each_tensor(model, [&](const std::string& name, const Tensor& tensor, bool) {
    const float* data = tensor.data();
    if (tensor.device() != Device::cpu) {
      staged.push_back(tensor.to_host());
      data = staged.back().data();
    }
    tensors.push_back({name, tensor.shape().sizes(), data});
  });
  nlohmann::json about = to_json(progress);
  if (progress.best_step > 0) {
    about["best"] = {{"step", progress.best_step}, {"elbo", progress.best_elbo}};
  }
  if (model.config().target_zeros > 0) {
    for (const Model::Network& network : model.networks()) {
      about["steering"][network.name] = {network.steering.factor, network.steering.error};
    }
  }
  write_safetensors(path, tensors,
                    {{"format", kFormat},
                     {"config", to_json(model.config()).dump()},
                     {"progress", about.dump()}});
}

Checkpoint read_checkpoint(const std::string& path) {
  SafetensorsFile file = SafetensorsFile::load(checkpoint_path(path));
  const bool compact = is_compact(file);
  if (!compact && metadata(file, "format") != kFormat) {
    throw Error(fmt::format("{}: checkpoint format {}, expected {}", in_quotes(file.path()),
                            in_quotes(metadata(file, "format")), kFormat));
  }
  Config config;
  Progress progress;
  std::map<std::string, Steering> steering;
  try {
    const nlohmann::json settings = nlohmann::json::parse(metadata(file, "config"));
    config.model =
        settings.at("model").get<std::string>() == "vae" ? ModelKind::vae : ModelKind::gan;
    apply_json(config, settings, "config");
    const nlohmann::json about = nlohmann::json::parse(metadata(file, "progress"));
    progress.rows = about.at("rows").get<int64_t>();
    progress.cols = about.at("cols").get<int64_t>();
    progress.count = about.at("count").get<int64_t>();
    progress.step = about.at("step").get<int64_t>();
    progress.seconds = about.at("seconds").get<double>();
    if (about.contains("best")) {
      progress.best_step = about["best"].at("step").get<int64_t>();
      progress.best_elbo = about["best"].at("elbo").get<double>();
    }
    const nlohmann::json of_networks = about.value("steering", nlohmann::json::object());
    for (const auto& [network, state] : of_networks.items()) {
      steering[network] = {state.at(0).get<double>(), state.at(1).get<double>()};
    }
  } catch (const std::exception& fault) {
    throw Error(
        fmt::format("{}: its metadata cannot be read: {}", in_quotes(file.path()), fault.what()));
  }
  constexpr int64_t kLargestSide = 4096;
  if (progress.rows < 1 || progress.rows > kLargestSide || progress.cols < 1 ||
      progress.cols > kLargestSide || progress.step < 0 || progress.count < config.batch) {
    throw Error(fmt::format("{}: images of {} x {}, {} of them, step {} cannot be",
                            in_quotes(file.path()), progress.rows, progress.cols, progress.count,
                            progress.step));
  }
  std::shared_ptr<const CompactModel> model;
  if (compact) model = std::make_shared<CompactModel>(read_compact(file, config, progress));
  return {config, progress, std::move(file), std::move(model), std::move(steering)};
}

void restore(Model& model, const Checkpoint& checkpoint, bool with_state) {
  const SafetensorsFile& file = checkpoint.file;
  for_each_tensor(model, [&](const std::string& name, const Tensor& tensor, bool is_state) {
    if (is_state && !with_state) return;
    const std::vector<int64_t> expected = tensor.shape().sizes();
    if (!file.contains(name)) {
      throw Error(fmt::format("{} is of another network: it has no tensor {}, of shape [{}]",
                              in_quotes(file.path()), name, fmt::join(expected, ", ")));
    }
    if (file.shape(name) != expected) {
      throw Error(fmt::format("{} is of another network: {} has shape [{}], expected [{}]",
                              in_quotes(file.path()), name, fmt::join(file.shape(name), ", "),
                              fmt::join(expected, ", ")));
    }
    copy_to_device(tensor.device(), tensor.data(), file.data(name),
                   static_cast<size_t>(tensor.elements()) * sizeof(float));
  });
  for (const Model::Network& network : model.networks()) network.optimizer->measure();
  for (const auto& [network, state] : checkpoint.steering) model.set_steering(network, state);
  model.set_step(checkpoint.progress.step);
}

std::unique_ptr<Model> load_model(const Checkpoint& checkpoint, Device device) {
  if (checkpoint.compact != nullptr) return build(*checkpoint.compact, device);
  const Progress& progress = checkpoint.progress;
  std::unique_ptr<Model> model =
      make_model(checkpoint.config, progress.rows * progress.cols, progress.count, device);
  restore(*model, checkpoint, false);
  return model;
}

}  // namespace burin
