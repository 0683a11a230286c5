// The three products of a dense layer as cases; a rung of the matrix product gives how it is called
// and how far it rounds.
#pragma once

#include "kernels/gemm/gemm.h"
#include "tests/oracle.h"
#include "tests/support/room_case.h"

namespace burin::test {

// Dims of a layer: {batch, in, out}.
struct LayerProduct {
  bool transpose_a, transpose_b;
  int64_t m, n, k;
};
inline LayerProduct forward_product(const Dims& d) {
  return {false, true, d[0], d[2], d[1]};
}
inline LayerProduct input_product(const Dims& d) {
  return {false, false, d[0], d[1], d[2]};
}
inline LayerProduct weight_product(const Dims& d) {
  return {true, false, d[2], d[1], d[0]};
}
inline int64_t stored_a(const LayerProduct& p) {
  return p.transpose_a ? p.m : p.k;
}
inline int64_t stored_b(const LayerProduct& p) {
  return p.transpose_b ? p.k : p.n;
}

// What the calls of a rung look like: gemm(product, A, B, C, epilogue, call).
using LayerCall = std::function<void(const LayerProduct&, const float*, const float*, float*,
                                     const GemmEpilogue&, const Call&)>;
struct LayerRung {
  std::string name;
  LayerCall tested, reference;
  double rounding = 0.0;  // of a product of two factors, relative: 2^-10 where each loses 2^-11
  std::vector<Argument> more = {};  // the workspace of a product in ranges
  std::vector<Dims> dims = {{0, 3, 5},     {1, 1, 1},    {3, 31, 1},    {31, 33, 3},
                            {33, 127, 31}, {127, 1, 33}, {5, 257, 129}, {4, 0, 5}};
};

constexpr float kLayerSlope = 0.2f;

// The sum over k of the host's arguments 0 and 1 for element i of C.
inline Want product_want(const LayerRung& rung, const LayerProduct& p, const Host& x, int64_t i) {
  const int64_t row = i / p.n, column = i % p.n;
  const oracle::GemmSum s = oracle::gemm_sum(
      p.k, [&](int64_t q) { return x[0][p.transpose_a ? q * p.m + row : row * p.k + q]; },
      [&](int64_t q) { return x[1][p.transpose_b ? column * p.k + q : q * p.n + column]; });
  // A chain of k roundings, each half a unit of what was summed so far; then the epilogue's.
  return {s.value, 0.5 * double(p.k) + 3.0, s.magnitude, rung.rounding * s.magnitude};
}

inline bool declare_layer(const LayerRung& rung) {
  using Shape = LayerProduct (*)(const Dims&);
  const auto sized = [](Argument a, std::function<int64_t(const Dims&)> f) {
    return a.count(std::move(f));
  };
  const auto factors = [&](Shape shape, const char* a, const char* b) {
    return std::vector<Argument>{
        sized(input(a, normal(1.0, true)), [=](const Dims& d) { return shape(d).m * shape(d).k; }),
        sized(input(b, normal(1.0, true)), [=](const Dims& d) { return shape(d).k * shape(d).n; })};
  };
  const auto elements_of_c = [](Shape shape) {
    return [=](const Dims& d) { return shape(d).m * shape(d).n; };
  };
  const auto run = [&](Shape shape, size_t c_place, auto epilogue_of) {
    const auto with = [=](const LayerCall& gemm) {
      return [=](const Call& c) { gemm(shape(c.dims), c[0], c[1], c[c_place], epilogue_of(c), c); };
    };
    return Run{with(rung.tested), with(rung.reference)};
  };
  const auto declare_product = [&](const char* name, Shape shape, std::vector<Argument> arguments,
                                   Run call) {
    arguments.insert(arguments.end(), rung.more.begin(), rung.more.end());
    return declare({
        .name = rung.name + "/" + name,
        .arguments = std::move(arguments),
        .run = std::move(call),
        .dims = rung.dims,
        .measured = {{128, 784, 512}},
        .extreme = false,  // the room's own tests: one of them spoils a row and a column
        .sector_bound = 0,
        .bound_reason = "no streaming kernel: each row of tiles reads all of B",
        .flops = [=](const Dims& d) { return 2.0 * double(shape(d).m * shape(d).n * shape(d).k); },
    });
  };

  std::vector<Argument> forward = factors(forward_product, "x", "weight");
  forward.push_back(sized(input("bias", normal(1.0, true)), [](const Dims& d) { return d[2]; }));
  forward.push_back(sized(accumulated("y"), elements_of_c(forward_product))
                        .oracle([=](const Host& x, int64_t i) {
                          Want want = product_want(rung, forward_product(x.dims), x, i);
                          const double bias = x[2][i % x.dims[2]];
                          want.value = oracle::leaky_relu(want.value + bias, kLayerSlope);
                          want.magnitude += std::abs(bias);
                          return want;
                        })
                        .twins_within(rung.rounding > 0 ? 1 : -1));
  declare_product("forward", forward_product, forward, run(forward_product, 3, [](const Call& c) {
                    GemmEpilogue e;
                    e.bias = c[2];
                    e.activation = Activation::leaky_relu;
                    e.slope = kLayerSlope;
                    e.accumulate = c.accumulate;
                    return e;
                  }));

  std::vector<Argument> backward = factors(input_product, "d_y", "weight");
  backward.push_back(sized(input("y_below", normal(1.0, true)), elements_of_c(input_product)));
  backward.push_back(sized(accumulated("d_x"), elements_of_c(input_product))
                         .oracle([=](const Host& x, int64_t i) {
                           Want want = product_want(rung, input_product(x.dims), x, i);
                           want.value *= oracle::gemm_derivative('l', x[2][i], kLayerSlope);
                           return want;
                         })
                         .twins_within(rung.rounding > 0 ? 1 : -1));
  declare_product("d_x", input_product, backward, run(input_product, 3, [](const Call& c) {
                    GemmEpilogue e;
                    e.activation = Activation::leaky_relu;
                    e.slope = kLayerSlope;
                    e.derivative_output = c[2];
                    e.ld_derivative = input_product(c.dims).n;
                    e.accumulate = c.accumulate;
                    return e;
                  }));

  std::vector<Argument> weights = factors(weight_product, "d_y", "x");
  weights.push_back(hidden("weight", normal(1.0, true)).count(elements_of_c(weight_product)));
  weights.push_back(sized(accumulated("d_weight"), elements_of_c(weight_product))
                        .oracle([=](const Host& x, int64_t i) {
                          return product_want(rung, weight_product(x.dims), x, i);
                        })
                        .twins_within(rung.rounding > 0 ? 1 : -1)
                        .derivative_of(
                            [](const Host& x, int64_t i, double weight) {
                              const LayerProduct p = weight_product(x.dims);
                              double loss = 0.0;
                              for (int64_t q = 0; q < p.k; ++q) {
                                loss += double{x[0][q * p.m + i / p.n]} * x[1][q * p.n + i % p.n] *
                                        weight;
                              }
                              return loss;
                            },
                            2));
  weights.push_back(sized(accumulated("d_bias"), [](const Dims& d) { return d[2]; })
                        .oracle([=](const Host& x, int64_t row) {
                          const LayerProduct p = weight_product(x.dims);
                          double magnitude = 0.0;
                          for (int64_t q = 0; q < p.k; ++q) {
                            magnitude += std::abs(x[0][q * p.m + row]);
                          }
                          // Ranges of a split product are rounded, each once.
                          return wanted_sum(oracle::column_sum(x[0], p.k, p.m, row), p.k, magnitude,
                                            rung.more.empty() ? 0.0 : 0.5);
                        })
                        .twins_within(rung.more.empty() ? -1 : 1));
  return declare_product("d_weight_d_bias", weight_product, weights,
                         run(weight_product, 3, [](const Call& c) {
                           GemmEpilogue e;
                           e.accumulate = e.row_sum_accumulate = c.accumulate;
                           e.row_sum = c[4];
                           return e;
                         }));
}

}  // namespace burin::test
