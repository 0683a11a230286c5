// The file of a compact model: docs/formats.md#compact-model.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <bit>
#include <deque>
#include <nlohmann/json.hpp>
#include <numeric>

#include "engine/io/error.h"
#include "models/compact.h"

namespace burin {
namespace {

using nlohmann::json;

constexpr const char* kCompactFormat = "burin-compact-1";
constexpr int64_t kWidest = 65536;  // of a layer: models/settings_table.cpp

int64_t mask_width(int64_t in) {
  return (in + 7) / 8;
}

// A layer of the file: one part of what is one layer in memory.
struct Part {
  std::string name;  // "encoder.mean"
  int64_t out, in;
  bool sparse;
  std::vector<float> values;  // all weights, or those that are not zero
  std::vector<uint8_t> mask;  // [out, mask_width(in)]; empty: all weights are stored
  std::vector<float> bias;
};

// Weights are stored without their zeros where that is shorter: a bit for each, and 32 for those
// that are there.
Part pack(std::string name, int64_t out, int64_t in, bool sparse, const float* weight,
          const float* bias) {
  Part part{std::move(name), out, in, sparse, {weight, weight + out * in}, {}, {bias, bias + out}};
  const int64_t there = nonzeros(part.values);
  if (4 * there + out * mask_width(in) >= 4 * out * in) return part;
  part.mask.assign(static_cast<size_t>(out * mask_width(in)), 0);
  std::vector<float> values;
  for (int64_t r = 0; r < out; ++r) {
    for (int64_t c = 0; c < in; ++c) {
      const float w = weight[r * in + c];
      if (w == 0.0f) continue;
      part.mask[static_cast<size_t>(r * mask_width(in) + c / 8)] |=
          static_cast<uint8_t>(1 << c % 8);
      values.push_back(w);
    }
  }
  part.values = std::move(values);
  return part;
}

[[noreturn]] void refuse(const SafetensorsFile& file, const std::string& what) {
  throw Error(fmt::format("{} is no sound compact model: {}", in_quotes(file.path()), what));
}

void expect_shape(const SafetensorsFile& file, const std::string& name,
                  const std::vector<int64_t>& expected) {
  if (!file.contains(name)) refuse(file, fmt::format("it has no tensor {}", name));
  if (file.shape(name) == expected) return;
  refuse(file, fmt::format("{} has shape [{}], expected [{}]", name,
                           fmt::join(file.shape(name), ", "), fmt::join(expected, ", ")));
}

// Weights [out, in] of a layer, whichever way they are stored.
std::vector<float> unpack(const SafetensorsFile& file, const std::string& name, int64_t out,
                          int64_t in) {
  if (file.contains(name + ".weight")) {
    expect_shape(file, name + ".weight", {out, in});
    const float* weight = file.data(name + ".weight");
    return {weight, weight + out * in};
  }
  const std::string mask_name = name + ".weight.mask", values_name = name + ".weight.values";
  expect_shape(file, mask_name, {out, mask_width(in)});
  const uint8_t* mask = file.bytes(mask_name);
  int64_t there = 0;
  for (int64_t i = 0; i < out * mask_width(in); ++i) there += std::popcount(mask[i]);
  expect_shape(file, values_name, {there});
  const float* value = file.data(values_name);
  std::vector<float> weight(static_cast<size_t>(out * in), 0.0f);
  for (int64_t r = 0; r < out; ++r) {
    for (int64_t c = 0; c < 8 * mask_width(in); ++c) {
      if ((mask[r * mask_width(in) + c / 8] >> c % 8 & 1) == 0) continue;
      if (c >= in)
        refuse(file, fmt::format("{} has a weight in column {} of {}", mask_name, c, in));
      weight[static_cast<size_t>(r * in + c)] = *value++;
    }
  }
  return weight;
}

struct Header {
  std::vector<int64_t> latents;
  struct Layer {
    std::string name;
    int64_t out, in;
    bool sparse;
  };
  std::deque<Layer> layers;
};

Header read_header(const SafetensorsFile& file) {
  const auto found = file.metadata().find("compact");
  if (found == file.metadata().end()) refuse(file, "it has no metadata 'compact'");
  Header header;
  try {
    const json about = json::parse(found->second);
    header.latents = about.at("latents").get<std::vector<int64_t>>();
    for (const json& layer : about.at("layers")) {
      const std::string product = layer.at("product").get<std::string>();
      if (product != "sparse" && product != "dense") refuse(file, "a product is " + product);
      header.layers.push_back({layer.at("name").get<std::string>(), layer.at("out").get<int64_t>(),
                               layer.at("in").get<int64_t>(), product == "sparse"});
    }
  } catch (const json::exception&) {
    refuse(file, "its metadata 'compact' does not list latents and layers");
  }
  return header;
}

void check_latents(const SafetensorsFile& file, const std::vector<int64_t>& latents,
                   int64_t latent) {
  int64_t before = -1;
  for (const int64_t each : latents) {
    if (each <= before || each >= latent) {
      refuse(file, fmt::format("latent {} behind {}, of {}", each, before, latent));
    }
    before = each;
  }
  if (latents.empty()) refuse(file, "it reads no latents");
}

// The layers of one network off the front of the header's.
CompactNetwork read_network(const SafetensorsFile& file, const CompactNetwork& plan,
                            Header& header) {
  CompactNetwork network = plan;
  network.sparse.clear();
  int64_t in = static_cast<int64_t>(network.chain.inputs.size());
  for (ChainLayer& layer : network.chain.layers) {
    layer.out = 0;
    layer.in = in;
    bool sparse = true;
    for (const std::string& part : parts_of(layer)) {
      const std::string name = fmt::format("{}.{}", network.name, part);
      if (header.layers.empty() || header.layers.front().name != name) {
        refuse(file, fmt::format("expected layer {}, found {}", name,
                                 header.layers.empty() ? "none" : header.layers.front().name));
      }
      const Header::Layer at = header.layers.front();
      header.layers.pop_front();
      if (at.in != in || at.out < 1 || at.out > kWidest) {
        refuse(file, fmt::format("layer {} is of {} x {}, but {} values come in", name, at.out,
                                 at.in, in));
      }
      if (at.sparse && at.in > SparseMatrix::kMaxCols) {
        refuse(file, fmt::format("layer {} of {} columns cannot be multiplied sparse", name, in));
      }
      sparse = sparse && at.sparse;
      layer.out += at.out;
      const std::vector<float> weight = unpack(file, name, at.out, at.in);
      layer.weight.insert(layer.weight.end(), weight.begin(), weight.end());
      expect_shape(file, name + ".bias", {at.out});
      const float* bias = file.data(name + ".bias");
      layer.bias.insert(layer.bias.end(), bias, bias + at.out);
    }
    network.sparse.push_back(sparse);
    in = layer.out;
  }
  return network;
}

}  // namespace

bool is_compact(const SafetensorsFile& file) {
  const auto format = file.metadata().find("format");
  return format != file.metadata().end() && format->second == kCompactFormat;
}

void save_compact(const std::string& path, const CompactModel& model) {
  std::vector<Part> parts;
  for (const CompactNetwork& network : model.networks) {
    for (size_t l = 0; l < network.chain.layers.size(); ++l) {
      const ChainLayer& layer = network.chain.layers[l];
      const std::vector<std::string> names = parts_of(layer);
      const int64_t out = layer.out / static_cast<int64_t>(names.size());
      for (size_t i = 0; i < names.size(); ++i) {
        const int64_t first = static_cast<int64_t>(i) * out;
        parts.push_back(pack(fmt::format("{}.{}", network.name, names[i]), out, layer.in,
                             network.sparse[l], layer.weight.data() + first * layer.in,
                             layer.bias.data() + first));
      }
    }
  }
  json layers = json::array();
  std::vector<TensorRef> tensors;
  for (const Part& part : parts) {
    layers.push_back({{"name", part.name},
                      {"out", part.out},
                      {"in", part.in},
                      {"product", part.sparse ? "sparse" : "dense"}});
    if (part.mask.empty()) {
      tensors.push_back({part.name + ".weight", {part.out, part.in}, part.values.data()});
    } else {
      static constexpr float kNone = 0;  // an address where there are no values
      const int64_t there = static_cast<int64_t>(part.values.size());
      tensors.push_back(
          {part.name + ".weight.values", {there}, there > 0 ? part.values.data() : &kNone});
      tensors.push_back(
          {part.name + ".weight.mask", {part.out, mask_width(part.in)}, nullptr, part.mask.data()});
    }
    tensors.push_back({part.name + ".bias", {part.out}, part.bias.data()});
  }
  const json compact = {{"latents", model.latents}, {"layers", layers}};
  write_safetensors(path, tensors,
                    {{"format", kCompactFormat},
                     {"config", to_json(model.config).dump()},
                     {"progress", to_json(model.progress).dump()},
                     {"compact", compact.dump()}});
}

CompactModel read_compact(const SafetensorsFile& file, const Config& config,
                          const Progress& progress) {
  Header header = read_header(file);
  check_latents(file, header.latents, config.latent);
  CompactModel model;
  model.config = config;
  model.progress = progress;
  model.latents = header.latents;
  const int64_t pixels = progress.rows * progress.cols;
  for (const std::string& name : network_names(config.model)) {
    std::vector<int64_t> inputs = header.latents;
    if (name == "encoder") {
      inputs.resize(static_cast<size_t>(pixels));
      std::iota(inputs.begin(), inputs.end(), 0);
    }
    const CompactNetwork plan = empty_network(config, name, std::move(inputs));
    model.networks.push_back(read_network(file, plan, header));
    const int64_t made = model.networks.back().chain.layers.back().out;
    const int64_t expected =
        name == "encoder" ? 2 * static_cast<int64_t>(header.latents.size()) : pixels;
    if (made != expected) {
      refuse(file, fmt::format("the {} makes {} values, expected {}", name, made, expected));
    }
  }
  if (!header.layers.empty()) {
    refuse(file, fmt::format("it has a layer {} too many", header.layers.front().name));
  }
  return model;
}

}  // namespace burin
