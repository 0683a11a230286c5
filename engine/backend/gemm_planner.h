// Which of the GPU's matrix products is used where.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "engine/backend/device.h"
#include "kernels/gemm/gemm_rungs.h"

namespace burin {

enum class GemmLibrary {
  own,        // Burin's kernels, chosen by the shape: the same bits on every card
  cublas,     // NVIDIA's library
  automatic,  // what is fastest for the shape, measured on this card when it is first met
};

struct GemmSettings {
  cuda::GemmPrecision precision = cuda::GemmPrecision::fp32;
  GemmLibrary library = GemmLibrary::own;
};

// Of the GPU; it has no work on the CPU, which has one way in one precision.
class GemmPlanner {
 public:
  // Throws std::runtime_error if the library asked for cannot be used on `device`.
  GemmPlanner(Device device, const GemmSettings& settings);

  // For a product that is about to be made; its workspace is `scratch`, floats(product) on the
  // device. With GemmLibrary::automatic a new product is measured: that waits for the device, so
  // the first of its kind must not be captured.
  const cuda::GemmPlan& plan(const GemmProduct& product, float* scratch, Stream stream);
  // Floats of scratch that plan() and the product may take, without a look at what was measured.
  int64_t floats(const GemmProduct& product) const;

  const GemmSettings& settings() const { return settings_; }

  // Where measurements are kept between runs: burin/gemm.json in $XDG_CACHE_HOME, or ~/.cache;
  // empty if there is neither.
  static std::string cache_path();

 private:
  // Transposes, m, n, k, and whether there is an epilogue and a sum of rows.
  using Key = std::array<int64_t, 7>;
  static Key key_of(const GemmProduct& product);

  std::vector<cuda::GemmPlan> candidates(const Key& key) const;
  cuda::GemmPlan measured(const GemmProduct& product, float* scratch, Stream stream) const;
  void load();
  void save() const;
  std::string card() const;

  Device device_;
  GemmSettings settings_;
  std::map<Key, cuda::GemmPlan> plans_;
};

}  // namespace burin
