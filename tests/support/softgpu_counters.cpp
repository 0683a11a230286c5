#include "tests/support/softgpu_counters.h"

#include <cuda_runtime.h>
#include <dlfcn.h>

#include <nlohmann/json.hpp>

namespace burin::test {
namespace {

using CountersJson = size_t(char*, size_t);
using CountersReset = void();

template <class F>
F* find(const char* name) {
  return reinterpret_cast<F*>(dlsym(RTLD_DEFAULT, name));
}

}  // namespace

bool counters_available() {
  static auto* const json = find<CountersJson>("softgpu_counters_json");
  return json != nullptr && json(nullptr, 0) > 0;
}

void reset_counters() {
  static auto* const reset = find<CountersReset>("softgpu_counters_reset");
  cudaDeviceSynchronize();
  if (reset != nullptr) reset();
}

std::vector<KernelCount> kernel_counts() {
  if (!counters_available()) return {};
  cudaDeviceSynchronize();
  static auto* const counters_json = find<CountersJson>("softgpu_counters_json");
  std::string text(counters_json(nullptr, 0), '\0');
  counters_json(text.data(), text.size());
  text.resize(text.size() - 1);
  std::vector<KernelCount> counts;
  for (const auto& k : nlohmann::json::parse(text)) {
    counts.push_back({.kernel = k.at("kernel"),
                      .launches = k.at("launches"),
                      .blocks = k.at("blocks"),
                      .threads = k.at("threads"),
                      .instructions = k.at("instructions").at("all"),
                      .load_sectors = k.at("global_load").at("sectors"),
                      .store_sectors = k.at("global_store").at("sectors"),
                      .atomic_sectors = k.at("global_atomic").at("sectors"),
                      .shared_requests = k.at("shared").at("requests"),
                      .bank_conflicts = k.at("shared").at("bank_conflicts"),
                      .barriers = k.at("barriers"),
                      .matrix_products = k.at("matrix_products")});
  }
  return counts;
}

KernelCount total_count() {
  KernelCount all;
  const std::vector<KernelCount> counts = kernel_counts();
  all.kernel = std::to_string(counts.size()) + " kernels";
  for (const KernelCount& k : counts) {
    all.launches += k.launches;
    all.blocks += k.blocks;
    all.threads += k.threads;
    all.instructions += k.instructions;
    all.load_sectors += k.load_sectors;
    all.store_sectors += k.store_sectors;
    all.atomic_sectors += k.atomic_sectors;
    all.shared_requests += k.shared_requests;
    all.bank_conflicts += k.bank_conflicts;
    all.barriers += k.barriers;
    all.matrix_products += k.matrix_products;
  }
  return all;
}

std::string device_name() {
  cudaDeviceProp properties;
  const cudaError_t status = cudaGetDeviceProperties(&properties, 0);
  if (status != cudaSuccess) return std::string("none: ") + cudaGetErrorString(status);
  return properties.name;
}

}  // namespace burin::test
