#include "kernels/resample/resample.h"

#include "tests/kernels/random_case.h"

namespace burin::test::resample_case {
namespace {

// dims: {groups, rows, cols, draws}
int64_t weights_of(const Dims& d) {
  return d[0] * d[1];
}
int64_t draws_of(const Dims& d) {
  return d[0] * d[3];
}

// Of all sizes; some rows have none, and a whole group has none.
Values some_weights(int64_t n, const Host&, const Dims& d, bool extreme) {
  std::vector<float> values = random_values(n, 3.0, 8);
  for (float& v : values) v = std::exp(v);
  for (size_t i = 1; i < values.size(); i += 3) values[i] = 0;
  const int64_t group = 2;
  for (int64_t s = 0; s < d[1] && group < d[0]; ++s) values[size_t(group * d[1] + s)] = 0;
  if (extreme && n > 1) values[1] = NAN;
  return values;
}

// The row that draw j of a group is, by the definition.
int64_t row_of(const Host& x, int64_t group, int64_t j) {
  const int64_t rows = x.dims[1], draws = x.dims[3];
  const float* weight = x[1] + group * rows;
  long double total = 0;
  for (int64_t s = 0; s < rows; ++s) total += weight[s];
  const long double position = (oracle::uniform(kDraw, group) + double(j)) / draws * total;
  long double sum = 0;
  for (int64_t s = 0; s < rows; ++s) {
    sum += weight[s];
    if (sum > position) return s;
  }
  return rows - 1;
}

Want row_value(const Host& x, int64_t i) {
  const int64_t rows = x.dims[1], cols = x.dims[2], draws = x.dims[3];
  const int64_t group = i / cols / draws, j = i / cols % draws;
  return {double{x[0][(group * rows + row_of(x, group, j)) * cols + i % cols]}, 0};
}
Want row_weight(const Host& x, int64_t i) {
  const int64_t rows = x.dims[1], draws = x.dims[3], group = i / draws;
  return {double{x[1][group * rows + row_of(x, group, i % draws)]}, 0};
}

const bool declared = declare({
    .name = "resample",
    .arguments =
        {input("x").count([](const Dims& d) { return d[0] * d[1] * d[2]; }),
         input("weights", some_weights).count(weights_of), step_argument(),
         output("drawn").count([](const Dims& d) { return d[0] * d[3] * d[2]; }).oracle(row_value),
         output("drawn_weights").count(draws_of).oracle(row_weight)},
    .run = call(BURIN_TWINS(resample),
                [](auto* resample, const Call& c) {
                  resample(c[0], c[1], c.dims[0], c.dims[1], c.dims[2], c.dims[3], key_at(c[2]),
                           c[3], c[4], {});
                }),
    .dims = {{0, 5, 3, 2},
             {3, 5, 3, 0},
             {3, 5, 0, 2},
             {1, 1, 1, 1},
             {5, 7, 3, 4},
             {3, 2, 50, 9},
             {101, 50, 20, 5},
             {2, 257, 3, 40}},
    .measured = {{100, 50, 50, 5}},
    .repeated = {{301, 50, 20, 8}},
    .sector_bound = 0,
    .bound_reason = "of x the drawn rows alone are read",
});

}  // namespace
}  // namespace burin::test::resample_case
