#include "kernels/select_columns/select_columns.h"

#include "tests/support/room_case.h"

namespace burin::test::select_columns_case {
namespace {

// Dims: rows, columns of x, columns of y. Every third column of y is one of zeros.
const bool declared = declare({
    .name = "select_columns",
    .arguments = {input("x").count(area),
                  input_of<int32_t>("columns",
                                    [](int64_t n, const Host&, const Dims& d, bool) {
                                      std::vector<int32_t> columns;
                                      for (int64_t j = 0; j < n; ++j) {
                                        columns.push_back(j % 3 == 1 ? -1 : int32_t(7 * j % d[1]));
                                      }
                                      return Values(columns);
                                    })
                      .count([](const Dims& d) { return d[2]; }),
                  output("y")
                      .count([](const Dims& d) { return d[0] * d[2]; })
                      .oracle([](const Host& x, int64_t i) {
                        const int64_t row = i / x.dims[2], j = i % x.dims[2];
                        if (j % 3 == 1) return Want{0.0, 0};
                        return Want{double{x[0][row * x.dims[1] + 7 * j % x.dims[1]]}, 0};
                      })},
    .run = call(BURIN_TWINS(select_columns),
                [](auto* select, const Call& c) {
                  select(c[0], c.dims[0], c.dims[1], c[1], c.dims[2], c[2], {});
                }),
    .dims = {{0, 5, 3}, {3, 5, 0}, {1, 1, 1}, {31, 50, 20}, {257, 33, 127}},
    .measured = {{1024, 100, 98}},
    .sector_bound = 0,
    .bound_reason = "reads of chosen columns do not fill sectors",
});

}  // namespace
}  // namespace burin::test::select_columns_case
