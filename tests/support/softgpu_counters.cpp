#include "tests/support/softgpu_counters.h"

#include <cuda_runtime.h>
#include <dlfcn.h>

#include <nlohmann/json.hpp>
#include <string_view>

namespace burin::test {
namespace {

using CountersJson = size_t(char*, size_t);
using CountersReset = void();

template <class F>
F* find(const char* name) {
  return reinterpret_cast<F*>(dlsym(RTLD_DEFAULT, name));
}

int64_t sum_of_prefix(const std::map<std::string, int64_t>& calls, std::string_view prefix) {
  int64_t sum = 0;
  for (const auto& [function, n] : calls) {
    if (function.starts_with(prefix)) sum += n;
  }
  return sum;
}

// The software GPU's own report: {"kernels": [...], "api": {...}}.
nlohmann::json report() {
  static auto* const counters_json = find<CountersJson>("softgpu_counters_json");
  std::string text(counters_json(nullptr, 0), '\0');
  counters_json(text.data(), text.size());
  text.resize(text.size() - 1);
  return nlohmann::json::parse(text);
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
  const nlohmann::json all = report();
  std::vector<KernelCount> counts;
  for (const auto& k : all.at("kernels")) {
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

int64_t CallCount::of(const std::string& function) const {
  const auto found = functions.find(function);
  return found == functions.end() ? 0 : found->second;
}
int64_t CallCount::synchronisations() const {
  return of("cudaDeviceSynchronize") + of("cudaStreamSynchronize") + of("cudaEventSynchronize");
}
int64_t CallCount::copies() const {
  return sum_of_prefix(functions, "cudaMemcpy");
}
int64_t CallCount::allocations() const {
  return sum_of_prefix(functions, "cudaMalloc") + of("cudaHostAlloc");
}

CallCount call_count() {
  if (!counters_available()) return {};
  return {report().at("api").get<std::map<std::string, int64_t>>()};
}

std::string device_name() {
  cudaDeviceProp properties;
  const cudaError_t status = cudaGetDeviceProperties(&properties, 0);
  if (status != cudaSuccess) return std::string("none: ") + cudaGetErrorString(status);
  return properties.name;
}

}  // namespace burin::test
