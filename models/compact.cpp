#include "models/compact.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/io/error.h"
#include "kernels/ema_update/ema_update.h"

namespace burin {
namespace {

constexpr const char* kHeads = "mean+logvar";

Activation activation_of(const std::string& word) {
  return word == "tanh"      ? Activation::tanh
         : word == "sigmoid" ? Activation::sigmoid
                             : Activation::leaky_relu;
}

// The tensor, of that shape; under the running average the average, masked to its zeros.
std::vector<float> tensor_of(const SafetensorsFile& file, const std::string& name,
                             const std::vector<int64_t>& expected, bool averaged) {
  for (const std::string& each : {name, "average." + name}) {
    if (each != name && !averaged) break;
    if (!file.contains(each) || file.shape(each) != expected) {
      throw Error(fmt::format("{} is of another network: it has no tensor {} of shape [{}]",
                              in_quotes(file.path()), each, fmt::join(expected, ", ")));
    }
  }
  std::vector<float> values(file.data(name), file.data(name) + file.size(name));
  if (averaged) {
    cpu::masked_average(values.data(), file.data("average." + name), values.data(),
                        static_cast<int64_t>(values.size()), {});
  }
  for (float& value : values) {
    if (!std::isfinite(value)) {
      throw Error(fmt::format("{}: {} has values that are infinite or NaN, which a zero would hide",
                              in_quotes(file.path()), name));
    }
    if (value == 0.0f) value = 0.0f;  // no minus
  }
  return values;
}

// Of a network of the run: its layers' outputs, from the checkpoint.
CompactNetwork network_of(const Checkpoint& checkpoint, const std::string& name, int64_t inputs,
                          std::vector<int64_t> outputs) {
  const Config& config = checkpoint.config;
  const bool averaged = config.model == ModelKind::gan && config.ema > 0;
  std::vector<int64_t> all(static_cast<size_t>(inputs));
  std::iota(all.begin(), all.end(), 0);
  CompactNetwork network = empty_network(config, name, std::move(all));
  int64_t in = inputs;
  for (size_t l = 0; l < outputs.size(); ++l) {
    ChainLayer& layer = network.chain.layers[l];
    layer.in = in;
    for (const std::string& part : parts_of(layer)) {
      const std::string tensor = fmt::format("{}.{}", name, part);
      const std::vector<float> weight =
          tensor_of(checkpoint.file, tensor + ".weight", {outputs[l], in}, averaged);
      const std::vector<float> bias =
          tensor_of(checkpoint.file, tensor + ".bias", {outputs[l]}, averaged);
      layer.weight.insert(layer.weight.end(), weight.begin(), weight.end());
      layer.bias.insert(layer.bias.end(), bias.begin(), bias.end());
      layer.out += outputs[l];
    }
    in = outputs[l];
  }
  return network;
}

std::vector<int64_t> with(std::vector<int64_t> sizes, int64_t last) {
  sizes.push_back(last);
  return sizes;
}

std::vector<int64_t> hidden_sizes(const CompactNetwork& network) {
  std::vector<int64_t> sizes;
  for (const ChainLayer& layer : network.chain.layers) sizes.push_back(layer.out);
  sizes.pop_back();
  return sizes;
}

int index_of(const Parameters& parameters, const std::string& name) {
  for (int i = 0; i < parameters.count(); ++i) {
    if (parameters.info(i).name == name) return i;
  }
  throw std::logic_error("compact: no parameter " + name);
}

}  // namespace

const CompactNetwork& CompactModel::network(const std::string& name) const {
  for (const CompactNetwork& network : networks) {
    if (network.name == name) return network;
  }
  throw std::invalid_argument("compact: no network " + name);
}

std::vector<std::string> parts_of(const ChainLayer& layer) {
  if (layer.name == kHeads) return {"mean", "logvar"};
  return {layer.name};
}

CompactNetwork empty_network(const Config& config, const std::string& name,
                             std::vector<int64_t> inputs) {
  const std::vector<int64_t>& hidden = name == "generator" ? config.generator_hidden
                                       : name == "encoder" ? config.encoder_hidden
                                                           : config.decoder_hidden;
  CompactNetwork network;
  network.name = name;
  network.chain.inputs = std::move(inputs);
  for (size_t l = 0; l <= hidden.size(); ++l) {
    ChainLayer layer;
    layer.name = std::to_string(l);
    layer.activation = activation_of(config.activation);
    layer.slope = static_cast<float>(config.slope);
    if (l == hidden.size()) {
      if (name == "encoder") layer.name = kHeads;
      layer.activation =
          name == "generator" ? activation_of(config.generator_output) : Activation::none;
    }
    network.chain.layers.push_back(std::move(layer));
    network.sparse.push_back(false);
  }
  return network;
}

std::vector<std::string> network_names(ModelKind model) {
  if (model == ModelKind::gan) return {"generator"};
  return {"encoder", "decoder"};
}

CompactModel whole_model(const Checkpoint& checkpoint) {
  const Config& config = checkpoint.config;
  const int64_t pixels = checkpoint.progress.rows * checkpoint.progress.cols;
  CompactModel model;
  model.config = config;
  model.progress = checkpoint.progress;
  model.latents.resize(static_cast<size_t>(config.latent));
  std::iota(model.latents.begin(), model.latents.end(), 0);
  if (config.model == ModelKind::gan) {
    model.networks = {
        network_of(checkpoint, "generator", config.latent, with(config.generator_hidden, pixels))};
  } else {
    model.networks = {
        network_of(checkpoint, "encoder", pixels, with(config.encoder_hidden, config.latent)),
        network_of(checkpoint, "decoder", config.latent, with(config.decoder_hidden, pixels))};
  }
  return model;
}

std::vector<RemovedFromNetwork> take_out_dead(CompactModel& model,
                                              const std::vector<std::string>& networks) {
  const auto chosen = [&](const std::string& name) {
    return std::find(networks.begin(), networks.end(), name) != networks.end();
  };
  // The network that reads the latents goes first: what it does not read, nobody has to make.
  CompactNetwork& maker = model.networks.back();
  const bool vae = model.networks.size() > 1;
  std::vector<RemovedFromNetwork> all;
  if (chosen(maker.name)) {
    const bool drop_latents = !vae || chosen("encoder");
    all.push_back({maker.name, remove_dead(maker.chain, drop_latents)});
    model.latents = maker.chain.inputs;
  }
  if (vae && chosen("encoder")) {
    LayerChain& encoder = model.networks.front().chain;
    std::vector<int64_t> rows = model.latents;
    for (const int64_t latent : model.latents) rows.push_back(latent + model.config.latent);
    keep_outputs(encoder, rows);
    all.insert(all.begin(), {"encoder", remove_dead(encoder, false)});
  }
  return all;
}

std::unique_ptr<Model> build(const CompactModel& model, Device device) {
  Config config = model.config;
  config.compact = true;
  config.read_latents = model.latents;
  config.ema = 0;
  config.l1_layers.clear();  // may name layers that are not here
  if (config.model == ModelKind::gan) {
    config.generator_hidden = hidden_sizes(model.network("generator"));
    config.discriminator_hidden = {1};
  } else {
    config.encoder_hidden = hidden_sizes(model.network("encoder"));
    config.decoder_hidden = hidden_sizes(model.network("decoder"));
  }
  const Progress& progress = model.progress;
  std::unique_ptr<Model> built =
      make_model(config, progress.rows * progress.cols, progress.count, device);
  for (const Model::Network& network : built->networks()) {
    const CompactNetwork& from = model.network(network.name);
    Parameters& parameters = *network.parameters;
    for (size_t l = 0; l < from.chain.layers.size(); ++l) {
      const ChainLayer& layer = from.chain.layers[l];
      const std::vector<std::string> names = parts_of(layer);
      const int parts = static_cast<int>(names.size());
      const int weight = index_of(parameters, names[0] + ".weight");
      parameters.joined_value(weight, parts).set(layer.weight);
      parameters.joined_value(index_of(parameters, names[0] + ".bias"), parts).set(layer.bias);
      if (from.sparse[l]) parameters.keep_sparse(weight, parts);
    }
    network.optimizer->measure();
  }
  built->set_step(progress.step);
  return built;
}

int64_t parameters(const CompactModel& model) {
  int64_t count = 0;
  for (const CompactNetwork& network : model.networks) {
    for (const ChainLayer& layer : network.chain.layers) count += layer.out * (layer.in + 1);
  }
  return count;
}

int64_t nonzero_parameters(const CompactModel& model) {
  int64_t count = 0;
  for (const CompactNetwork& network : model.networks) {
    for (const ChainLayer& layer : network.chain.layers) {
      count += nonzeros(layer.weight) + layer.out;
    }
  }
  return count;
}

int64_t multiply_adds(const CompactNetwork& network) {
  int64_t count = 0;
  for (size_t l = 0; l < network.chain.layers.size(); ++l) {
    const ChainLayer& layer = network.chain.layers[l];
    count += network.sparse[l] ? nonzeros(layer.weight) : layer.out * layer.in;
  }
  return count;
}

}  // namespace burin
