#include "tools/compact_tables.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>

namespace burin::tools {
namespace {

using nlohmann::json;

void print_layers(const json& result) {
  fmt::print("{:<22} {:>11} {:>11} {:>8}  {:<7} {}\n", "layer, out x in", "before", "after",
             "nonzero", "product", "dense / sparse time [quartiles]");
  for (const json& layer : result["layers"]) {
    const json& before = layer["before"];
    const json& after = layer["after"];
    const int64_t out = after["out"].get<int64_t>(), in = after["in"].get<int64_t>();
    std::string times = "not measured";
    if (layer.contains("times")) {
      const json& ratio = layer["times"]["ratio"];
      times = fmt::format("{:.2f} [{:.2f}, {:.2f}]", ratio["median"].get<double>(),
                          ratio["low"].get<double>(), ratio["high"].get<double>());
    }
    fmt::print("{:<22} {:>11} {:>11} {:>6.1f} %  {:<7} {}\n", layer["name"].get<std::string>(),
               fmt::format("{} x {}", before["out"].get<int64_t>(), before["in"].get<int64_t>()),
               fmt::format("{} x {}", out, in),
               100 * after["nonzeros"].get<double>() / static_cast<double>(out * in),
               layer["product"].get<std::string>(), times);
  }
}

void print_removed(const json& result) {
  for (const auto& [network, layers] : result["removed"].items()) {
    for (size_t l = 0; l < layers.size(); ++l) {
      const int64_t zero = layers[l]["zero"].get<int64_t>();
      const int64_t folded = layers[l]["folded"].get<int64_t>();
      const int64_t unread = layers[l]["unread"].get<int64_t>();
      if (zero + folded + unread == 0) continue;
      fmt::print("behind {}.{}: {} neurons always 0, {} constant, {} unread are gone\n", network, l,
                 zero, folded, unread);
    }
  }
  const json& latents = result["latents"];
  fmt::print("latent units: {} of {} are read\n", latents["after"].get<int64_t>(),
             latents["before"].get<int64_t>());
  if (result.contains("unread_pixels")) {
    fmt::print("pixels that the encoder does not read: {}\n",
               result["unread_pixels"].get<int64_t>());
  }
}

void print_proof(const json& result) {
  for (const json& proof : result["proof"]) {
    const std::string what =
        fmt::format("{} of {}", proof["what"].get<std::string>(), proof["examples"].get<int64_t>());
    if (proof["same_bits"].get<bool>()) {
      fmt::print("the same bits: {}\n", what);
      continue;
    }
    fmt::print(
        "the same within rounding: {}; largest difference {:.2g}, at most {:.2g} of its bound\n",
        what, proof["largest_difference"].get<double>(), proof["largest_share"].get<double>());
  }
}

void print_count(const std::string& what, const json& counts) {
  const double dense = counts["dense"].get<double>(), compact = counts["compact"].get<double>();
  fmt::print("{:<34} {:>12.0f} {:>12.0f} {:>8.2f}\n", what, dense, compact, dense / compact);
}

void print_times(const std::string& what, const json& times) {
  const json& dense = times["dense_us"];
  const json& compact = times["compact_us"];
  const json& ratio = times["ratio"];
  fmt::print("{:<34} {:>12.3f} {:>12.3f} {:>8.2f}\n", what, dense["median"].get<double>(),
             compact["median"].get<double>(), ratio["median"].get<double>());
  fmt::print(
      "{:<34} {:>12} {:>12} {:>8}\n", "  quartiles",
      fmt::format("{:.2f}-{:.2f}", dense["low"].get<double>(), dense["high"].get<double>()),
      fmt::format("{:.2f}-{:.2f}", compact["low"].get<double>(), compact["high"].get<double>()),
      fmt::format("{:.2f}-{:.2f}", ratio["low"].get<double>(), ratio["high"].get<double>()));
}

}  // namespace

void print_compaction(const json& result) {
  fmt::print("{}: from {}, step {}\n", result["out"].get<std::string>(),
             result["path"].get<std::string>(), result["step"].get<int64_t>());
  print_layers(result);
  print_removed(result);
  print_proof(result);
  fmt::print("{:<34} {:>12} {:>12} {:>8}\n", "", "dense", "compact", "ratio");
  print_count("parameters", result["parameters"]);
  print_count("bytes", result["bytes"]);
  for (const auto& [network, adds] : result["multiply_adds"].items()) {
    print_count("multiply-adds, " + network, adds);
  }
  print_times("us a picture, sampling", result["sampling"]);
  if (result.contains("encoding")) print_times("us an image, encoding", result["encoding"]);
  fmt::print("medians of {} rounds in turn, {} threads\n", result["rounds"].get<int64_t>(),
             result["threads"].get<int64_t>());
}

}  // namespace burin::tools
