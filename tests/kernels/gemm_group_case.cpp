// All gradients of the weights and biases of a network of three layers in one group.
#include "tests/kernels/gemm_layer.h"

namespace burin::test::gemm_group_case {
namespace {

constexpr size_t kLayers = 3, kArguments = 4;  // of a layer: d_y, x, d_weight, d_bias

// Dims: {batch, in, hidden, out}.
LayerProduct layer_of(const Dims& d, size_t layer) {
  const int64_t in = layer == 0 ? d[1] : d[2], out = layer + 1 == kLayers ? d[3] : d[2];
  return weight_product({d[0], in, out});
}

std::vector<Argument> arguments() {
  std::vector<Argument> all;
  for (size_t layer = 0; layer < kLayers; ++layer) {
    const std::string number = std::to_string(layer);
    const auto size = [=](auto of) {
      return [=](const Dims& d) { return of(layer_of(d, layer)); };
    };
    const size_t d_y = kArguments * layer, x = d_y + 1;
    all.push_back(input("d_y" + number, normal(1.0, true)).count(size([](const LayerProduct& p) {
      return p.k * p.m;
    })));
    all.push_back(input("x" + number, normal(1.0, true)).count(size([](const LayerProduct& p) {
      return p.k * p.n;
    })));
    all.push_back(
        accumulated("d_weight" + number)
            .count(size([](const LayerProduct& p) { return p.m * p.n; }))
            .oracle([=](const Host& host, int64_t i) {
              const LayerProduct p = layer_of(host.dims, layer);
              const oracle::GemmSum s = oracle::gemm_sum(
                  p.k, [&](int64_t q) { return host[d_y][q * p.m + i / p.n]; },
                  [&](int64_t q) { return host[x][q * p.n + i % p.n]; });
              return Want{s.value, 0.5 * double(p.k) + 1.0, s.magnitude};  // a chain of k roundings
            }));
    all.push_back(accumulated("d_bias" + number)
                      .count(size([](const LayerProduct& p) { return p.m; }))
                      .oracle([=](const Host& host, int64_t row) {
                        const LayerProduct p = layer_of(host.dims, layer);
                        double magnitude = 0.0;
                        for (int64_t q = 0; q < p.k; ++q) {
                          magnitude += std::abs(host[d_y][q * p.m + row]);
                        }
                        return wanted_sum(oracle::column_sum(host[d_y], p.k, p.m, row), p.k,
                                          magnitude);
                      }));
  }
  return all;
}

const bool declared = declare({
    .name = "gemm_group/weights",
    .arguments = arguments(),
    .run = call(BURIN_TWINS(gemm_group),
                [](auto* gemm_group, const Call& c) {
                  GemmProduct products[kLayers];
                  for (size_t layer = 0; layer < kLayers; ++layer) {
                    const LayerProduct p = layer_of(c.dims, layer);
                    const size_t at = kArguments * layer;
                    GemmEpilogue e;
                    e.accumulate = e.row_sum_accumulate = c.accumulate;
                    e.row_sum = c[at + 3];
                    products[layer] = {p.transpose_a, p.transpose_b, p.m, p.n,       p.k, c[at],
                                       p.m,           c[at + 1],     p.n, c[at + 2], p.n, e};
                  }
                  gemm_group(products, kLayers, {});
                }),
    .dims = {{0, 3, 5, 1}, {1, 1, 1, 1}, {31, 33, 127, 1}, {5, 257, 65, 3}, {4, 0, 5, 2}},
    .measured = {{128, 784, 256, 1}},
    .extreme = false,  // as for gemm
    .sector_bound = 0,
    .bound_reason = "no streaming kernel: each row of tiles reads all of x",
    .flops =
        [](const Dims& d) {
          double flops = 0.0;
          for (size_t layer = 0; layer < kLayers; ++layer) {
            const LayerProduct p = layer_of(d, layer);
            flops += 2.0 * double(p.m * p.n * p.k);
          }
          return flops;
        },
});

}  // namespace
}  // namespace burin::test::gemm_group_case
