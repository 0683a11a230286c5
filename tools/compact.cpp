// burin compact DIR|FILE
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "engine/data/device_images.h"
#include "engine/io/error.h"
#include "engine/io/files.h"
#include "kernels/common/parallel.h"
#include "models/compact_products.h"
#include "models/compact_proof.h"
#include "models/vae.h"
#include "tools/command.h"
#include "tools/compact_tables.h"

namespace burin::tools {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct CompactArguments {
  std::string path;
  std::string out;
  std::string data;
  std::vector<std::string> networks;
  int64_t count = 1000;
  int rounds = 11;
  int threads = 0;
  bool overwrite = false;
  bool print_json = false;
};

constexpr uint64_t kSeed = 1;          // of the latent vectors of proof and measurement
constexpr int64_t kPictures = 4096;    // in a round of the measurement
constexpr int64_t kPosteriors = 2000;  // test images, in a round

// Where the model goes. A directory gets a file that it is then known by.
std::string output_of(const CompactArguments& arguments, const std::string& source) {
  fs::path out = arguments.out;
  if (out.empty()) {
    out = fs::path(source).parent_path() / "compact.safetensors";
  } else if (fs::is_directory(out) || !out.has_filename()) {
    out /= "checkpoint.safetensors";
  }
  std::error_code ignored;
  if (fs::equivalent(out, source, ignored)) {
    throw UsageError(
        fmt::format("--out: {} is the model that is to be made compact", in_quotes(out.string())));
  }
  if (fs::exists(out) && !arguments.overwrite) {
    throw UsageError(
        fmt::format("--out: {} exists; --overwrite replaces it", in_quotes(out.string())));
  }
  return out.string();
}

std::vector<std::string> chosen_networks(const CompactArguments& arguments, ModelKind model) {
  const std::vector<std::string> known = network_names(model);
  for (const std::string& name : arguments.networks) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    throw UsageError(
        fmt::format("--network: {} is not a network that a {} makes pictures with; "
                    "expected {}",
                    name, model_name(model), fmt::join(known, ", ")));
  }
  return arguments.networks.empty() ? known : arguments.networks;
}

int64_t count_zeros(const CompactModel& model, const std::vector<std::string>& networks) {
  int64_t zeros = 0;
  for (const std::string& name : networks) {
    for (const ChainLayer& layer : model.network(name).chain.layers) {
      zeros += layer.out * layer.in - nonzeros(layer.weight);
    }
  }
  return zeros;
}

ImageSet test_images(const CompactArguments& arguments, const Checkpoint& checkpoint) {
  const std::string directory = arguments.data.empty() ? checkpoint.config.data : arguments.data;
  ImageSet test = load_image_set(directory, Split::test);
  const Progress& progress = checkpoint.progress;
  if (test.rows != progress.rows || test.cols != progress.cols) {
    throw Error(fmt::format("{}: test images are {} x {}, the model's {} x {}",
                            in_quotes(directory), test.rows, test.cols, progress.rows,
                            progress.cols));
  }
  return test;
}

std::vector<float> first_pixels(const ImageSet& set, int64_t count) {
  std::vector<float> pixels;
  for (int64_t i = 0; i < count * set.pixels(); ++i) {
    pixels.push_back(static_cast<float>(set.images[static_cast<size_t>(i)]) / 255.0f);
  }
  return pixels;
}

json json_of(const Spread& spread, double scale) {
  return {{"median", spread.median * scale},
          {"low", spread.low * scale},
          {"high", spread.high * scale}};
}

json json_of(const Alternation& times, int64_t examples) {
  const double microseconds = 1e6 / static_cast<double>(examples);
  return {{"dense_us", json_of(times.first, microseconds)},
          {"compact_us", json_of(times.second, microseconds)},
          {"ratio", json_of(times.ratio, 1)}};
}

json layers_json(const CompactModel& whole, const CompactModel& compact,
                 const std::vector<ProductTiming>& timings) {
  json layers = json::array();
  for (size_t n = 0; n < whole.networks.size(); ++n) {
    for (size_t l = 0; l < whole.networks[n].chain.layers.size(); ++l) {
      const ChainLayer& before = whole.networks[n].chain.layers[l];
      const ChainLayer& after = compact.networks[n].chain.layers[l];
      json layer = {
          {"name", fmt::format("{}.{}", compact.networks[n].name, after.name)},
          {"before",
           {{"out", before.out}, {"in", before.in}, {"nonzeros", nonzeros(before.weight)}}},
          {"after", {{"out", after.out}, {"in", after.in}, {"nonzeros", nonzeros(after.weight)}}},
          {"product", compact.networks[n].sparse[l] ? "sparse" : "dense"}};
      for (const ProductTiming& timing : timings) {
        if (timing.layer != layer["name"] || !timing.measured) continue;
        layer["times"] = {{"dense_us", json_of(timing.times.first, 1e6)},
                          {"sparse_us", json_of(timing.times.second, 1e6)},
                          {"ratio", json_of(timing.times.ratio, 1)},
                          {"rows", Model::kGenerateBatch}};
      }
      layers.push_back(std::move(layer));
    }
  }
  return layers;
}

// Pixels that a VAE's encoder has no weight for.
int64_t unread_pixels(const CompactModel& model) {
  const ChainLayer& layer = model.network("encoder").chain.layers.front();
  int64_t unread = 0;
  for (int64_t i = 0; i < layer.in; ++i) {
    bool read = false;
    for (int64_t o = 0; o < layer.out; ++o) {
      read = read || layer.weight[static_cast<size_t>(o * layer.in + i)] != 0.0f;
    }
    if (!read) ++unread;
  }
  return unread;
}

json removed_json(const std::vector<RemovedFromNetwork>& all) {
  json networks = json::object();
  for (const auto& [name, removed] : all) {
    json behind = json::array();
    for (const RemovedNeurons& neurons : removed.neurons) {
      behind.push_back(
          {{"zero", neurons.zero}, {"folded", neurons.folded}, {"unread", neurons.unread}});
    }
    networks[name] = behind;
  }
  return networks;
}

// Proves, or throws Error.
json proof_json(const CompactModel& whole, const CompactModel& compact, int64_t count,
                const std::vector<float>& images) {
  json list = json::array();
  for (const Proof& proof : prove(whole, compact, count, kSeed, images)) {
    if (!proof.holds()) {
      throw Error(
          fmt::format("the compact model is not the same: {} of {} differ by up to {:.3g}, "
                      "{:.3g} times what rounding explains; nothing is written",
                      proof.what, proof.examples, proof.largest_difference, proof.largest_share));
    }
    list.push_back({{"what", proof.what},
                    {"examples", proof.examples},
                    {"same_bits", proof.same_bits},
                    {"largest_difference", proof.largest_difference},
                    {"largest_bound", proof.largest_bound},
                    {"largest_share", proof.largest_share}});
  }
  return list;
}

// Pictures from the seed to the pixels by both models in turn; a VAE's posteriors of binarised test
// images too.
json times_json(const CompactModel& whole, const CompactModel& compact, int rounds,
                const ImageSet* test) {
  const std::unique_ptr<Model> of_whole = build(whole, Device::cpu);
  const std::unique_ptr<Model> of_compact = build(compact, Device::cpu);
  std::vector<float> pixels(static_cast<size_t>(Model::kGenerateBatch * of_whole->pixels()));
  // A batch after the other into the same memory: of fresh memory the system's work would be
  // measured.
  const auto draw = [&](Model& model) {
    return [&] {
      for (int64_t first = 0; first < kPictures; first += Model::kGenerateBatch) {
        const std::vector<float> z =
            model.latent_noise(Model::kGenerateBatch, kSeed + static_cast<uint64_t>(first));
        model.generate(z.data(), Model::kGenerateBatch, pixels.data());
      }
    };
  };
  json times = {
      {"sampling", json_of(alternate(rounds, 1, draw(*of_whole), draw(*of_compact)), kPictures)}};
  times["sampling"]["pictures"] = kPictures;
  if (test != nullptr) {
    ImageSet part = *test;
    part.count = std::min(test->count, kPosteriors);
    part.images.resize(static_cast<size_t>(part.count * part.pixels()));
    part.labels.resize(static_cast<size_t>(part.count));
    const DeviceImages images(std::move(part), Device::cpu);
    const auto encode = [&](Model& model) {
      return [&] { static_cast<Vae&>(model).posteriors(images); };
    };
    times["encoding"] =
        json_of(alternate(rounds, 1, encode(*of_whole), encode(*of_compact)), images.count());
    times["encoding"]["images"] = images.count();
  }
  return times;
}

json counts_json(const CompactModel& whole, const CompactModel& compact, const std::string& out) {
  json adds = json::object();
  for (size_t n = 0; n < whole.networks.size(); ++n) {
    adds[whole.networks[n].name] = {{"dense", multiply_adds(whole.networks[n])},
                                    {"compact", multiply_adds(compact.networks[n])}};
  }
  const int64_t dense = parameters(whole);
  return {{"parameters", {{"dense", dense}, {"compact", nonzero_parameters(compact)}}},
          {"bytes",
           {{"dense", dense * static_cast<int64_t>(sizeof(float))},
            {"compact", static_cast<int64_t>(fs::file_size(out))}}},
          {"multiply_adds", adds}};
}

void compact(const CompactArguments& arguments) {
  const Checkpoint checkpoint = read_checkpoint(arguments.path);
  const std::vector<std::string> networks = chosen_networks(arguments, checkpoint.config.model);
  if (checkpoint.compact != nullptr) {
    throw UsageError(fmt::format("{} is a compact model already", in_quotes(arguments.path)));
  }
  const std::string out = output_of(arguments, checkpoint.file.path());
  cpu::set_threads(arguments.threads);
  const CompactModel whole = whole_model(checkpoint);
  json result = {{"path", arguments.path},
                 {"model", model_name(checkpoint.config.model)},
                 {"step", checkpoint.progress.step},
                 {"networks", networks}};
  if (count_zeros(whole, networks) == 0) {
    result["out"] = nullptr;
    if (arguments.print_json) {
      fmt::print("{}\n", json_line(result));
    } else {
      fmt::print("{}: no weight of the {} is zero: nothing to take out, nothing is written\n",
                 arguments.path, fmt::join(networks, " and "));
    }
    return;
  }
  ImageSet test;
  const bool vae = checkpoint.config.model == ModelKind::vae;
  if (vae) test = test_images(arguments, checkpoint);
  const int64_t count = vae ? std::min(arguments.count, test.count) : arguments.count;

  CompactModel model = whole;
  result["removed"] = removed_json(take_out_dead(model, networks));
  const std::vector<ProductTiming> timings = choose_products(model, networks, arguments.rounds);
  result["proof"] =
      proof_json(whole, model, count, vae ? first_pixels(test, count) : std::vector<float>());
  const fs::path directory = fs::path(out).parent_path();
  if (!directory.empty()) create_directories(directory.string());
  save_compact(out, model);
  result["out"] = out;
  result["latents"] = {{"before", whole.latents.size()}, {"after", model.latents.size()}};
  if (vae) result["unread_pixels"] = unread_pixels(model);
  result["layers"] = layers_json(whole, model, timings);
  result["threads"] = cpu::threads();
  result["rounds"] = arguments.rounds;
  result.update(counts_json(whole, model, out));
  result.update(times_json(whole, model, arguments.rounds, vae ? &test : nullptr));
  if (arguments.print_json) {
    fmt::print("{}\n", json_line(result));
  } else {
    print_compaction(result);
  }
}

}  // namespace

void add_compact(CLI::App& app, int&) {
  CLI::App* command =
      app.add_subcommand("compact", "take out of a trained model what its zeros made superfluous");
  auto arguments = std::make_shared<CompactArguments>();
  command->add_option("path", arguments->path, "run directory, or checkpoint file")
      ->required()
      ->type_name("DIR|FILE");
  command
      ->add_option("--out", arguments->out,
                   "file to write, or directory for its checkpoint.safetensors; default: "
                   "compact.safetensors beside the checkpoint")
      ->check(not_empty())
      ->type_name("FILE|DIR");
  command->add_flag("--overwrite", arguments->overwrite, "replace the file if it is there");
  command
      ->add_option("--network", arguments->networks,
                   "which networks: generator; encoder, decoder; default: all of the model. Latent "
                   "units of a vae go only if both of its networks are named")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("A,B");
  command
      ->add_option("--count", arguments->count,
                   "latent vectors, and test images of a vae, that both models are compared on")
      ->check(CLI::Range(int64_t{1}, int64_t{100000}))
      ->capture_default_str();
  command
      ->add_option("--rounds", arguments->rounds, "of each measurement, dense and compact in turn")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  command->add_option("--threads", arguments->threads, "CPU threads; 0: one for each processor")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  command->add_option("--data", arguments->data, "test images of a vae; default: the run's")
      ->type_name("DIR");
  command->add_flag("--json", arguments->print_json, "print the result as one JSON object");
  command->callback([arguments] { compact(*arguments); });
}

}  // namespace burin::tools
