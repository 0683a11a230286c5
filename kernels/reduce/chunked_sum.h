// The order of summation of the CPU twins: element ranges -> chunks -> tasks -> the sum, with
// borders that depend on the sizes alone, so that no result depends on the thread count.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/common/parallel.h"

namespace burin::cpu {

// Independent partial sums inside a chunk: element i goes to lane i % kSumLanes, so that a loop
// over the lanes vectorises without reordering any sum.
inline constexpr int64_t kSumLanes = 128;

// Elements that one call of a chunk function takes.
inline constexpr int64_t kSumChunk = 4096;

// Adds the lanes, halving them; overwrites them.
inline double sum_lanes(double (&lanes)[kSumLanes]) {
  for (int64_t half = kSumLanes / 2; half > 0; half /= 2) {
    for (int64_t j = 0; j < half; ++j) lanes[j] += lanes[j + half];
  }
  return lanes[0];
}

// The sum of chunk_sum(begin, end) over [0, chunk), [chunk, 2 * chunk), ... up to `count`, added in
// that order within a task and then task by task. A task, the unit that threads share, is at least
// `grain` wide; there are at most 64, so that their sums fit on the stack. chunk_sum returns T,
// runs on any thread and may also write to its own range of outputs.
template <class T, class ChunkSum>
T chunked_sum(int64_t count, int64_t chunk, int64_t grain, const ChunkSum& chunk_sum) {
  constexpr int64_t kMaxTasks = 64;
  const int64_t width = std::max(grain, (count + kMaxTasks - 1) / kMaxTasks);
  const int64_t task = (width + chunk - 1) / chunk * chunk;
  T partial[kMaxTasks] = {};
  parallel_for(count, task, [&](int64_t begin, int64_t end) {
    T total = 0;
    for (int64_t i = begin; i < end; i += chunk) total += chunk_sum(i, std::min(i + chunk, end));
    partial[begin / task] = total;
  });
  T total = 0;
  for (int64_t i = 0; i * task < count; ++i) total += partial[i];
  return total;
}

}  // namespace burin::cpu
