// burin info [DIR|FILE]
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "engine/backend/cuda.h"
#include "kernels/common/parallel.h"
#include "kernels/gemm/gemm.h"
#include "models/compact.h"
#include "models/memory_plan.h"
#include "tools/command.h"

namespace burin::tools {
namespace {

using nlohmann::json;

// The GPU that `--device auto` takes, or why none.
std::string gpu_text() {
  if (!cuda::missing().empty()) return "none: " + cuda::missing();
  const cuda::DeviceInfo& gpu = cuda::device_info();
  return fmt::format("{}, compute capability {}.{}, {}", gpu.name, gpu.major, gpu.minor,
                     bytes_text(gpu.total_bytes));
}

json build_info() {
  return {{"version", BURIN_VERSION},
          {"build", BURIN_BUILD_TYPE},
          {"compiler", BURIN_COMPILER},
          {"cuda", kCudaEnabled},
          {"gpu", gpu_text()},
          {"processors", cpu::available_processors()},
          {"instruction_set", cpu::gemm_instruction_set()},
          {"data", default_data_directory()}};
}

json compact_info(const CompactModel& model) {
  json sparse = json::array();
  for (const CompactNetwork& network : model.networks) {
    for (size_t l = 0; l < network.sparse.size(); ++l) {
      if (!network.sparse[l]) continue;
      for (const std::string& part : parts_of(network.chain.layers[l])) {
        sparse.push_back(fmt::format("{}.{}", network.name, part));
      }
    }
  }
  return {{"latents", model.latents.size()}, {"sparse_products", sparse}};
}

json model_info(const std::string& path) {
  const Checkpoint checkpoint = read_checkpoint(path);
  const std::unique_ptr<Model> model = load_model(checkpoint, Device::cpu);
  json layers = json::array();
  json zeros = json::object();
  int64_t parameters = 0;
  for (const Model::Network& network : model->networks()) {
    for (int i = 0; i < network.parameters->count(); ++i) {
      const ParameterInfo& info = network.parameters->info(i);
      parameters += info.shape.elements();
      if (!info.is_weight) continue;
      layers.push_back({{"name", fmt::format("{}.{}", network.name, info.name)},
                        {"out", info.shape[0]},
                        {"in", info.shape[1]},
                        {"zeros", static_cast<double>(network.optimizer->stats(i).zeros) /
                                      static_cast<double>(info.shape.elements())}});
    }
    zeros[network.name] = network.optimizer->zero_fraction();
  }
  json result = {{"file", checkpoint.file.path()},
                 {"model", model_name(checkpoint.config.model)},
                 {"preset", checkpoint.config.preset},
                 {"step", checkpoint.progress.step},
                 {"epochs", static_cast<double>(checkpoint.progress.step) /
                                static_cast<double>(model->steps_per_epoch())},
                 {"image", {checkpoint.progress.rows, checkpoint.progress.cols}},
                 {"parameters", parameters},
                 {"layers", layers},
                 {"zeros", zeros}};
  if (checkpoint.compact != nullptr) {
    result["compact"] = compact_info(*checkpoint.compact);
  }
  return result;
}

void print_build(const json& info) {
  fmt::print("burin {} ({} build, {})\n", info["version"].get<std::string>(),
             info["build"].get<std::string>(), info["compiler"].get<std::string>());
  fmt::print("GPU: {}\n", info["gpu"].get<std::string>());
  fmt::print("processors: {}, instruction set: {}\n", info["processors"].get<int>(),
             info["instruction_set"].get<std::string>());
  fmt::print("data: {}\n", info["data"].get<std::string>());
}

void print_model(const json& info) {
  fmt::print("{}\n{} ({}), step {}, {:.4g} epochs, images {} x {}, {} parameters\n",
             info["file"].get<std::string>(), info["model"].get<std::string>(),
             info["preset"].get<std::string>(), info["step"].get<int64_t>(),
             info["epochs"].get<double>(), info["image"][0].get<int64_t>(),
             info["image"][1].get<int64_t>(), info["parameters"].get<int64_t>());
  if (info.contains("compact")) {
    const std::vector<std::string> sparse = info["compact"]["sparse_products"];
    fmt::print("compact: {} latent units are read; without their zeros: {}\n",
               info["compact"]["latents"].get<int64_t>(),
               sparse.empty() ? "none" : fmt::format("{}", fmt::join(sparse, ", ")));
  }
  fmt::print("{:<28} {:>6} {:>6} {:>8}\n", "weight", "out", "in", "zeros");
  for (const json& layer : info["layers"]) {
    fmt::print("{:<28} {:>6} {:>6} {:>6.1f} %\n", layer["name"].get<std::string>(),
               layer["out"].get<int64_t>(), layer["in"].get<int64_t>(),
               100 * layer["zeros"].get<double>());
  }
}

}  // namespace

void add_info(CLI::App& app, int&) {
  CLI::App* command = app.add_subcommand("info", "about this build, or about a trained model");
  auto path = std::make_shared<std::string>();
  auto print_json = std::make_shared<bool>(false);
  command->add_option("path", *path, "run directory, or checkpoint file")->type_name("DIR|FILE");
  command->add_flag("--json", *print_json, "print one JSON object");
  command->callback([path, print_json] {
    const json info = path->empty() ? build_info() : model_info(*path);
    if (*print_json) {
      fmt::print("{}\n", json_line(info));
    } else if (path->empty()) {
      print_build(info);
    } else {
      print_model(info);
    }
  });
}

}  // namespace burin::tools
