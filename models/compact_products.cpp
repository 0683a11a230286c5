#include "models/compact_products.h"

#include <fmt/format.h>

#include "engine/backend/memory.h"
#include "engine/tensor/sparse_weights.h"
#include "kernels/gemm/gemm.h"
#include "kernels/random_fill/random_fill.h"

namespace burin {
namespace {

constexpr double kLeastSeconds = 100e-6;  // of a round: well above what a clock can tell

// Tensors of `floats`, in memory as tensors have it.
Memory filled(const std::vector<float>& floats) {
  Memory memory(Device::cpu, floats.size() * sizeof(float));
  copy_to_device(Device::cpu, memory.data(), floats.data(), memory.bytes());
  return memory;
}

ProductTiming measure(const ChainLayer& layer, int rounds) {
  ProductTiming timing;
  timing.out = layer.out;
  timing.in = layer.in;
  timing.nonzeros = nonzeros(layer.weight);
  timing.measured = timing.nonzeros < layer.out * layer.in && layer.in <= SparseMatrix::kMaxCols;
  if (!timing.measured) return timing;

  constexpr int64_t kRows = Model::kGenerateBatch;
  const Memory weight = filled(layer.weight), bias = filled(layer.bias);
  const Memory x(Device::cpu, static_cast<size_t>(kRows * layer.in) * sizeof(float));
  const Memory y(Device::cpu, static_cast<size_t>(kRows * layer.out) * sizeof(float));
  cpu::random_normal(x.as<float>(), kRows * layer.in, 1.0f, RandomKey{1, 0, nullptr}, {});
  const SparseWeights sparse(Tensor(weight.as<float>(), {layer.out, layer.in}, Device::cpu));
  GemmEpilogue epilogue;
  epilogue.bias = bias.as<float>();
  epilogue.activation = layer.activation;
  epilogue.slope = layer.slope;
  const auto run_dense = [&] {
    cpu::gemm(false, true, kRows, layer.out, layer.in, x.as<float>(), layer.in, weight.as<float>(),
              layer.in, y.as<float>(), layer.out, epilogue, {});
  };
  const auto run_sparse = [&] {
    cpu::sparse_gemm(sparse.matrix(), x.as<float>(), layer.in, kRows, y.as<float>(), layer.out,
                     bias.as<float>(), layer.activation, layer.slope, {});
  };
  run_dense();
  const double once = seconds_of(run_dense);
  const int repeats = once < kLeastSeconds ? static_cast<int>(kLeastSeconds / once) + 1 : 1;
  timing.times = alternate(rounds, repeats, run_dense, run_sparse);
  timing.sparse = timing.times.ratio.median > 1;
  return timing;
}

}  // namespace

std::vector<ProductTiming> choose_products(CompactModel& model,
                                           const std::vector<std::string>& networks, int rounds) {
  std::vector<ProductTiming> all;
  for (CompactNetwork& network : model.networks) {
    if (std::find(networks.begin(), networks.end(), network.name) == networks.end()) continue;
    for (size_t l = 0; l < network.chain.layers.size(); ++l) {
      ProductTiming timing = measure(network.chain.layers[l], rounds);
      timing.layer = fmt::format("{}.{}", network.name, network.chain.layers[l].name);
      network.sparse[l] = timing.sparse;
      all.push_back(std::move(timing));
    }
  }
  return all;
}

}  // namespace burin
