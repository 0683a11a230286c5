#include "kernels/sparse_gemm/sparse_gemm.h"

#include "tests/oracle.h"
#include "tests/support/room_case.h"

namespace burin::test::sparse_gemm_case {
namespace {

constexpr float kSlope = 0.2f;

// Dims: m, rows and columns of W, and its weights in 100. Every seventh row is empty.
bool is_there(const Dims& d, int64_t row, int64_t column) {
  const uint64_t mixed = (uint64_t(row) * 65537 + uint64_t(column) + 1) * 0x9e3779b97f4a7c15u;
  return row % 7 != 3 && int64_t((mixed >> 33) % 100) < d[3];
}

std::vector<uint16_t> columns_of(const Dims& d, int64_t row) {
  std::vector<uint16_t> columns;
  for (int64_t c = 0; c < d[2]; ++c) {
    if (is_there(d, row, c)) columns.push_back(uint16_t(c));
  }
  return columns;
}

Values all_columns(int64_t, const Host&, const Dims& d, bool) {
  std::vector<uint16_t> all;
  for (int64_t r = 0; r < d[1]; ++r) {
    for (const uint16_t c : columns_of(d, r)) all.push_back(c);
  }
  return Values(all);
}

Values all_starts(int64_t, const Host&, const Dims& d, bool) {
  std::vector<int32_t> starts = {0};
  for (int64_t r = 0; r < d[1]; ++r)
    starts.push_back(starts.back() + int32_t(columns_of(d, r).size()));
  return Values(starts);
}

int64_t weights(const Dims& d) {
  int64_t count = 0;
  for (int64_t r = 0; r < d[1]; ++r) count += int64_t(columns_of(d, r).size());
  return count;
}

bool declare_with(const char* name, Activation activation, char word) {
  return declare({
      .name = std::string("sparse_gemm/") + name,
      .arguments = {input("x", normal(1.0, true)).count([](const Dims& d) { return d[0] * d[2]; }),
                    input("values", normal(1.0, true)).count(weights),
                    input_of<uint16_t>("columns", all_columns).count(weights),
                    input_of<int32_t>("starts", all_starts).count([](const Dims& d) {
                      return d[1] + 1;
                    }),
                    input("bias", normal(1.0, true)).count([](const Dims& d) { return d[1]; }),
                    output("y")
                        .count([](const Dims& d) { return d[0] * d[1]; })
                        .oracle([=](const Host& x, int64_t i) {
                          const int64_t row = i / x.dims[1], output = i % x.dims[1];
                          const int32_t begin = x.as<int32_t>(3)[output];
                          const int64_t k = x.as<int32_t>(3)[output + 1] - begin;
                          const uint16_t* column = x.as<uint16_t>(2) + begin;
                          const oracle::GemmSum sum = oracle::gemm_sum(
                              k, [&](int64_t t) { return x[1][begin + t]; },
                              [&](int64_t t) { return x[0][row * x.dims[2] + column[t]]; });
                          const double before = sum.value + double{x[4][output]};
                          // A chain of k roundings, each half a unit of what was summed so far; the
                          // bias's, and the activation's, whose slope is at most 1.
                          return Want{oracle::gemm_activation(word, before, kSlope),
                                      0.5 * double(k) + 4.0,
                                      sum.magnitude + std::abs(double{x[4][output]})};
                        })},
      .run = call(BURIN_TWINS(sparse_gemm),
                  [=](auto* sparse_gemm, const Call& c) {
                    const SparseMatrix w{c.dims[1], c.dims[2], c[1], c[2], c[3]};
                    sparse_gemm(w, c[0], c.dims[2], c.dims[0], c[5], c.dims[1], c[4], activation,
                                kSlope, {});
                  }),
      .dims = {{0, 3, 5, 50},
               {3, 0, 5, 50},
               {1, 1, 1, 100},
               {2, 5, 0, 50},
               {5, 9, 33, 0},
               {31, 33, 17, 40},
               {33, 50, 129, 15},
               {66, 17, 300, 100},
               {100, 19, 65, 3}},
      .measured = {{128, 784, 256, 15}},
      .extreme = false,  // sparse_gemm_test.cpp
      .sector_bound = 0,
      .bound_reason = "no streaming kernel: each block of outputs reads all of its rows of x",
      .flops = [](const Dims& d) { return 2.0 * double(d[0]) * double(weights(d)); },
  });
}

const bool declared = declare_with("none", Activation::none, 'n') &&
                      declare_with("leaky_relu", Activation::leaky_relu, 'l') &&
                      declare_with("sigmoid", Activation::sigmoid, 's') &&
                      declare_with("tanh", Activation::tanh, 't');

}  // namespace
}  // namespace burin::test::sparse_gemm_case
