#include "kernels/reduce/reduce.h"

#include "tests/oracle.h"
#include "tests/support/room_case.h"

namespace burin::test::reduce_case {
namespace {

// Beside the usual sizes: around a lane block, a chunk and a task of the CPU twin, more than its 64
// tasks; and more elements than the CUDA twin's grid has threads.
std::vector<Dims> sizes() {
  std::vector<Dims> all = every_size();
  for (const int64_t n : {128, 4095, 4096, 4097, 32769, 64 * 32768 + 5}) all.push_back({n});
  return all;
}

std::vector<float> floats(const Host& x) {
  return {x[0], x[0] + x.dims[0]};
}

template <class F>
bool declare_sum(const char* name, Twins<F> twins, double (*oracle)(const std::vector<float>&),
                 double (*magnitude)(const std::vector<float>&)) {
  return declare({
      .name = name,
      .arguments = {input("x", normal(2.0)), output("out")
                                                 .count(one)
                                                 .oracle([=](const Host& x, int64_t) {
                                                   return wanted_sum(oracle(floats(x)), x.dims[0],
                                                                     magnitude(floats(x)));
                                                 })
                                                 .twins_within(1)},
      .run = call(twins, [](auto* sum, const Call& c) { sum(c[0], c.n(), c[1], {}); }),
      .dims = sizes(),
      .repeated = {{64 * 32768 + 5}},
      .extreme = false,  // reduce_test.cpp: a sum shows one of them at most
  });
}

Values zeros_among(int64_t n, const Host&, const Dims&, bool) {
  std::vector<float> values = mixed_values(n);
  for (int64_t i = 0; i < n; i += 3) values[size_t(i)] = i % 2 == 0 ? 0.0f : -0.0f;
  return values;
}

// {rows, cols, padding}; the padding is nobody's.
int64_t stored(const Dims& d) {
  return d[0] * (d[1] + d[2]);
}
Values padded(int64_t n, const Host&, const Dims& d, bool) {
  std::vector<float> values = random_values(n);
  const int64_t ld = d[1] + d[2];
  for (int64_t i = 0; i < n; ++i) {
    if (i % ld >= d[1]) values[size_t(i)] = NAN;
  }
  return values;
}

const bool declared =
    declare({
        .name = "reduce/sum",
        .arguments = {input("x", normal(2.0)),
                      output("out")
                          .count(one)
                          .oracle([](const Host& x, int64_t) {
                            const double scale = double{-1.7f};
                            return wanted_sum(scale * oracle::sum(floats(x)), x.dims[0],
                                              std::abs(scale) * oracle::abs_sum(floats(x)));
                          })
                          .twins_within(1)},
        .run = call(BURIN_TWINS(sum),
                    [](auto* sum, const Call& c) { sum(c[0], c.n(), -1.7f, c[1], {}); }),
        .dims = sizes(),
        .repeated = {{64 * 32768 + 5}},
        .extreme = false,
    }) &&
    declare_sum("reduce/abs_sum", BURIN_TWINS(abs_sum), oracle::abs_sum, oracle::abs_sum) &&
    declare_sum("reduce/sum_of_squares", BURIN_TWINS(sum_of_squares), oracle::sum_of_squares,
                oracle::sum_of_squares) &&
    declare({
        .name = "reduce/zero_count",
        .arguments = {input("x", zeros_among),
                      output_of<int64_t>("out").count(one).oracle([](const Host& x, int64_t) {
                        int64_t zeros = 0;
                        for (const float v : floats(x)) zeros += std::fpclassify(v) == FP_ZERO;
                        return Want{double(zeros), 0};
                      })},
        .run = call(BURIN_TWINS(zero_count),
                    [](auto* count, const Call& c) { count(c[0], c.n(), c[1], {}); }),
        .dims = sizes(),
        .repeated = {{64 * 32768 + 5}},
        .extreme = false,
    }) &&
    declare({
        .name = "reduce/column_sum",
        .arguments = {input("x", padded).count(stored).bytes_moved([](const Dims& d) {
                        return 4 * d[0] * d[1];
                      }),
                      accumulated("out")
                          .count([](const Dims& d) { return d[1]; })
                          .oracle([](const Host& x, int64_t j) {
                            const int64_t rows = x.dims[0], ld = x.dims[1] + x.dims[2];
                            double magnitude = 0.0;
                            for (int64_t r = 0; r < rows; ++r) {
                              magnitude += std::abs(x[0][r * ld + j]);
                            }
                            return wanted_sum(oracle::column_sum(x[0], rows, ld, j), rows,
                                              magnitude);
                          })
                          .twins_within(1)},
        .run = call(BURIN_TWINS(column_sum),
                    [](auto* sum, const Call& c) {
                      const int64_t rows = c.dims[0], cols = c.dims[1];
                      sum(c[0], rows, cols, cols + c.dims[2], c[1], c.accumulate, {});
                    }),
        .dims = {{0, 33, 0},
                 {1, 1, 0},
                 {2, 63, 5},
                 {3, 31, 0},
                 {31, 64, 5},
                 {33, 33, 2},
                 {127, 257, 3},
                 {128, 784, 0},
                 {257, 3, 1},
                 {257, 65, 0},
                 {300, 1000, 0}},
        .measured = {{128, 784, 0}, {128, 512, 0}},
        .repeated = {{300, 1000, 0}},
        .extreme = false,
    });

}  // namespace
}  // namespace burin::test::reduce_case
