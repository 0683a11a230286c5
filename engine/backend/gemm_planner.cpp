#include "engine/backend/gemm_planner.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

#include "engine/backend/cuda.h"
#include "engine/io/error.h"
#include "engine/io/files.h"

namespace burin {
namespace {

using cuda::GemmPlan;
using cuda::GemmPrecision;
using cuda::GemmRung;
using cuda::GemmTile;
using nlohmann::json;

constexpr int kTimedLaunches = 20;

const char* name_of(GemmPrecision precision) {
  switch (precision) {
    case GemmPrecision::tf32:
      return "tf32";
    case GemmPrecision::bf16:
      return "bf16";
    default:
      return "fp32";
  }
}

// As in the cache: "tiled large 1".
constexpr std::pair<GemmRung, const char*> kRungs[] = {{GemmRung::vector, "vector"},
                                                       {GemmRung::tiled, "tiled"},
                                                       {GemmRung::tensor, "tensor"},
                                                       {GemmRung::cublas, "cublas"}};
constexpr std::pair<GemmTile, const char*> kTiles[] = {
    {GemmTile::automatic, "automatic"}, {GemmTile::small, "small"}, {GemmTile::large, "large"}};

std::string text_of(const GemmPlan& plan) {
  std::string text;
  for (const auto& [rung, name] : kRungs) {
    if (rung == plan.rung) text = name;
  }
  for (const auto& [tile, name] : kTiles) {
    if (tile == plan.tile) text += fmt::format(" {}", name);
  }
  return fmt::format("{} {}", text, plan.splits);
}

bool has_epilogue(const GemmEpilogue& epilogue) {
  return epilogue.bias != nullptr || epilogue.derivative_output != nullptr ||
         epilogue.activation != Activation::none;
}

template <class Key>
std::string text_of_key(const Key& key) {
  return fmt::format("{}{} {}x{}x{}{}{}", key[0] != 0 ? 't' : 'n', key[1] != 0 ? 't' : 'n', key[2],
                     key[3], key[4], key[5] != 0 ? " epilogue" : "", key[6] != 0 ? " row_sum" : "");
}

}  // namespace

GemmPlanner::GemmPlanner(Device device, const GemmSettings& settings)
    : device_(device), settings_(settings) {
  if (device != Device::cuda) return;
  if constexpr (kCudaEnabled) {
    if (settings.library == GemmLibrary::cublas && !cuda::gemm_cublas_missing().empty()) {
      throw std::runtime_error("--gemm cublas: " + cuda::gemm_cublas_missing());
    }
    if (settings.library == GemmLibrary::automatic) load();
  }
}

GemmPlanner::Key GemmPlanner::key_of(const GemmProduct& p) {
  return {p.transpose_a,
          p.transpose_b,
          p.m,
          p.n,
          p.k,
          has_epilogue(p.epilogue),
          p.epilogue.row_sum != nullptr};
}

int64_t GemmPlanner::floats(const GemmProduct& p) const {
  // cuBLAS passes through C's size where there is an epilogue; measuring takes another C, and sums
  // of rows.
  if (settings_.library == GemmLibrary::own) return 0;
  if (settings_.library == GemmLibrary::cublas) return has_epilogue(p.epilogue) ? p.m * p.n : 0;
  int64_t workspace = p.m * p.n;
  if constexpr (kCudaEnabled) {
    GemmPlan split;
    split.splits = cuda::gemm_splits(p.m, p.n, p.k);
    workspace = std::max(workspace, cuda::gemm_workspace(split, p.m, p.n, p.k));
  }
  return workspace + p.m * p.n + p.m;
}

const GemmPlan& GemmPlanner::plan(const GemmProduct& p, float* scratch, Stream stream) {
  GemmPlan& known = plans_.try_emplace(key_of(p), GemmPlan{.splits = 0}).first->second;
  if constexpr (kCudaEnabled) {
    if (known.splits == 0) {
      if (settings_.library == GemmLibrary::automatic) {
        known = measured(p, scratch, stream);
        save();
      } else {
        known = cuda::gemm_plan(settings_.precision, p.transpose_a, p.transpose_b, p.m, p.n);
        if (settings_.library == GemmLibrary::cublas) known.rung = GemmRung::cublas;
      }
    }
  }
  known.workspace = scratch;
  return known;
}

// What is measured, and so what a cache may name: our plan for the shape, its tiles whole and
// split, and the library.
std::vector<GemmPlan> GemmPlanner::candidates(const Key& key) const {
  std::vector<GemmPlan> list;
  if constexpr (kCudaEnabled) {
    const int64_t m = key[2], n = key[3], k = key[4];
    GemmPlan own = cuda::gemm_plan(settings_.precision, key[0] != 0, key[1] != 0, m, n);
    list.push_back(own);
    if (own.rung != GemmRung::vector) {
      for (const GemmTile tile : {GemmTile::small, GemmTile::large}) {
        own.tile = tile;
        own.splits = 1;
        list.push_back(own);
        own.splits = cuda::gemm_splits(m, n, k);
        if (own.splits > 1) list.push_back(own);
      }
    }
    if (cuda::gemm_cublas_missing().empty()) {
      GemmPlan library = list.front();
      library.rung = GemmRung::cublas;
      list.push_back(library);
    }
  }
  return list;
}

GemmPlan GemmPlanner::measured(const GemmProduct& p, float* scratch, Stream stream) const {
  GemmPlan best;
  if constexpr (kCudaEnabled) {
    // The operands are read only; the result goes elsewhere.
    GemmProduct trial = p;
    const int64_t workspace = floats(p) - p.m * p.n - p.m;
    trial.c = scratch + workspace;
    trial.ldc = p.n;
    trial.epilogue.accumulate = false;
    trial.epilogue.row_sum_accumulate = false;
    if (p.epilogue.row_sum != nullptr) trial.epilogue.row_sum = trial.c + p.m * p.n;
    double least = 0;
    for (GemmPlan& candidate : candidates(key_of(p))) {
      candidate.workspace = scratch;
      const double time = cuda::time_launch(stream, kTimedLaunches, [&] {
        cuda::gemm_with(candidate, trial.transpose_a, trial.transpose_b, trial.m, trial.n, trial.k,
                        trial.a, trial.lda, trial.b, trial.ldb, trial.c, trial.ldc, trial.epilogue,
                        stream);
      });
      if (least > 0 && time >= least) continue;
      least = time;
      best = candidate;
    }
  }
  return best;
}

std::string GemmPlanner::cache_path() {
  const char* const cache = std::getenv("XDG_CACHE_HOME");
  const char* const home = std::getenv("HOME");
  if (cache != nullptr && *cache != 0) return std::string(cache) + "/burin/gemm.json";
  if (home != nullptr && *home != 0) return std::string(home) + "/.cache/burin/gemm.json";
  return "";
}

// The card, what runs on it, and the precision: for another, other times hold.
std::string GemmPlanner::card() const {
  const cuda::DeviceInfo& info = cuda::device_info();
  return fmt::format("{}, driver {}, runtime {}, {}", info.name, info.driver, info.runtime,
                     name_of(settings_.precision));
}

namespace {

// {"version": 1, "cards": {card: {product: plan}}}; an empty one where there is no cache that can
// be read: it is only a cache.
json read_cache(const std::string& path) {
  json cache;
  try {
    if (!path.empty() && std::filesystem::exists(path)) {
      cache = json::parse(read_file(path, 1 << 24), nullptr, false);
    }
  } catch (const Error&) {
  }
  const bool whole = cache.is_object() && cache.value("version", json()) == 1 &&
                     cache.contains("cards") && cache["cards"].is_object();
  return whole ? cache : json{{"version", 1}, {"cards", json::object()}};
}

}  // namespace

void GemmPlanner::load() {
  const json cache = read_cache(cache_path());
  const json known = cache["cards"].value(card(), json::object());
  if (!known.is_object()) return;
  for (const auto& [product, text] : known.items()) {
    char a = 0, b = 0;
    long long m = 0, n = 0, k = 0;
    if (std::sscanf(product.c_str(), "%c%c %lldx%lldx%lld", &a, &b, &m, &n, &k) != 5) continue;
    const Key key = {a == 't',
                     b == 't',
                     m,
                     n,
                     k,
                     product.find(" epilogue") != std::string::npos,
                     product.find(" row_sum") != std::string::npos};
    if (text_of_key(key) != product) continue;
    for (const GemmPlan& plan : candidates(key)) {
      if (text == text_of(plan)) plans_[key] = plan;
    }
  }
}

void GemmPlanner::save() const {
  const std::string path = cache_path();
  if (path.empty()) return;
  try {
    json cache = read_cache(path);  // another run may have added to it
    json& known = cache["cards"][card()];
    if (!known.is_object()) known = json::object();
    for (const auto& [key, plan] : plans_) known[text_of_key(key)] = text_of(plan);
    create_directories(std::filesystem::path(path).parent_path().string());
    write_file_atomically(path, cache.dump(1) + "\n");
  } catch (const Error&) {
    // Without a cache the next run measures again.
  }
}

}  // namespace burin
