#include "kernels/clip_norm/clip_norm.h"

#include "tests/support/room_case.h"

namespace burin::test::clip_norm_case {
namespace {

// Two buffers' sums of squares, of which g's need not be one: whatever the norm is of.
bool declare_with(const char* name, std::vector<float> squares, float most) {
  const auto factor = [=] {
    double total = 0;
    for (const float s : squares) total += s;
    return std::sqrt(total) <= most ? 1.0 : most / std::sqrt(total);
  };
  const double by = factor();
  return declare({
      .name = name,
      .arguments = {updated("g").oracle([=](const Host& x, int64_t i) {
                      // The factor is rounded, and its product.
                      return Want{by * x[0][i], by == 1 ? 0.0 : 1.5};
                    }),
                    input("squares", constant(squares)).count([=](const Dims&) {
                      return int64_t(squares.size());
                    })},
      .run = call(BURIN_TWINS(clip_norm),
                  [=](auto* clip, const Call& c) {
                    clip(c[0], c.n(), c[1], int(squares.size()), most, {});
                  }),
      .measured = {{100352}},
      .sector_bound = by == 1 ? 0.0 : 1.02,
      .bound_reason = by == 1 ? "nothing is read" : "",
  });
}

const bool declared = declare_with("clip_norm", {9.0f, 16.0f}, 2.5f) &&
                      declare_with("clip_norm/short", {9.0f, 15.99f}, 5.0f) &&
                      declare_with("clip_norm/alone", {1e-8f}, 1e-5f);

}  // namespace
}  // namespace burin::test::clip_norm_case
