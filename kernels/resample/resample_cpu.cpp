#include "kernels/resample/resample.h"

#include <algorithm>

#include "kernels/common/parallel.h"

namespace burin::cpu {
namespace {

constexpr int64_t kGrain = 8192;  // floats that a thread takes at least

}  // namespace

void resample(const float* x, const float* weights, int64_t groups, int64_t rows, int64_t cols,
              int64_t draws, RandomKey key, float* drawn, float* drawn_weights, Stream) {
  const uint64_t step = step_of(key);
  const int64_t grain = std::max<int64_t>(1, kGrain / (rows + draws * std::max<int64_t>(1, cols)));
  parallel_for(groups, grain, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      for_draws(weights + i * rows, rows, draws, uniform_at(key, step, i),
                [=](int64_t j, int64_t s) {
                  const int64_t from = i * rows + s, to = i * draws + j;
                  std::copy_n(x + from * cols, cols, drawn + to * cols);
                  drawn_weights[to] = weights[from];
                });
    }
  });
}

}  // namespace burin::cpu
