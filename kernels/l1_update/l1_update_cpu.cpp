#include <algorithm>
#include <array>

#include "kernels/common/parallel.h"
#include "kernels/common/simd.h"
#include "kernels/l1_update/l1_update.h"

namespace burin {

UpdateScalars update_scalars(const UpdateRule& rule, float learning_rate, int64_t t) {
  UpdateScalars scalars{learning_rate, 1.0f, 1.0f};
  if (rule.optimizer == OptimizerKind::adam) {
    const auto correction = [t](float beta) {
      return static_cast<float>(1.0 - std::pow(double{beta}, static_cast<double>(t)));
    };
    scalars.bias_correction1 = correction(rule.beta1);
    scalars.bias_correction2 = correction(rule.beta2);
  }
  return scalars;
}

namespace cpu {
namespace {

// A task is a piece of one segment; tasks are handed out in batches, so that small layers share a
// parallel region and the partial statistics fit on the stack.
constexpr int64_t kTaskElements = 16384;
constexpr int64_t kBatchTasks = 64;
// Statistics are taken block by block, while the block's new weights are still in the first cache.
constexpr int64_t kBlock = 1024;
constexpr int64_t kLanes = 16;  // independent partial sums, whatever the vector width

// The flat buffers from a block's first element on.
struct Block {
  float* __restrict__ w;
  const float* __restrict__ g;
  float* __restrict__ m;
  float* __restrict__ v;
  int64_t count;
  bool keep_zeros;
};

struct Task {
  int64_t segment;
  int64_t begin;
  int64_t count;
};

template <OptimizerKind kOptimizer, L1Mode kMode, bool kPenalised>
[[gnu::always_inline]] inline void update_loop(const Block& block, const UpdateCoefficients& c) {
  float* __restrict__ w = block.w;
  const float* __restrict__ g = block.g;
  float* __restrict__ m = block.m;
  float* __restrict__ v = block.v;
  const UpdateCoefficients constants = c;
  const bool keep_zeros = block.keep_zeros;
  for (int64_t i = 0; i < block.count; ++i) {
    float new_m = 0.0f, new_v = 0.0f;
    if constexpr (kOptimizer != OptimizerKind::sgd) new_m = m[i];
    if constexpr (kOptimizer == OptimizerKind::adam) new_v = v[i];
    const float old = w[i];
    const float updated =
        updated_weight<kOptimizer, kMode, kPenalised>(old, g[i], new_m, new_v, constants);
    w[i] = keep_zeros && old == 0.0f ? 0.0f : updated;
    if constexpr (kOptimizer != OptimizerKind::sgd) m[i] = new_m;
    if constexpr (kOptimizer == OptimizerKind::adam) v[i] = new_v;
  }
}

template <OptimizerKind kOptimizer>
[[gnu::always_inline]] inline void update_in_mode(const Block& block, L1Mode mode,
                                                  const UpdateCoefficients& c) {
  if (c.lambda == 0.0f) {
    update_loop<kOptimizer, L1Mode::prox, false>(block, c);
  } else if (mode == L1Mode::prox) {
    update_loop<kOptimizer, L1Mode::prox, true>(block, c);
  } else if (mode == L1Mode::decoupled) {
    update_loop<kOptimizer, L1Mode::decoupled, true>(block, c);
  } else {
    update_loop<kOptimizer, L1Mode::subgradient, true>(block, c);
  }
}

// One loop for each optimiser and mode, all inlined into this function so that all are cloned.
BURIN_SIMD_CLONES
void update_block(const Block& block, const UpdateRule& rule, const UpdateCoefficients& c) {
  switch (rule.optimizer) {
    case OptimizerKind::sgd:
      return update_in_mode<OptimizerKind::sgd>(block, rule.l1_mode, c);
    case OptimizerKind::momentum:
      return update_in_mode<OptimizerKind::momentum>(block, rule.l1_mode, c);
    case OptimizerKind::adam:
      return update_in_mode<OptimizerKind::adam>(block, rule.l1_mode, c);
  }
}

struct LaneSums {
  double abs_sum[kLanes] = {};
  double grad_squares[kLanes] = {};
};

// Adds to the sums; returns the number of zeros. Element i goes to lane i % kLanes.
BURIN_SIMD_CLONES
int32_t count_block(const float* __restrict__ w, const float* __restrict__ g, int64_t count,
                    LaneSums& sums) {
  int32_t zeros = 0;
  for (int64_t i = 0; i < count; ++i) zeros += w[i] == 0.0f;

  LaneSums lanes = sums;  // indexed by constants only, so that it stays in registers
  const int64_t whole = count / kLanes * kLanes;
  for (int64_t i = 0; i < whole; i += kLanes) {
    for (int64_t l = 0; l < kLanes; ++l) {
      lanes.abs_sum[l] += double{std::fabs(w[i + l])};
      lanes.grad_squares[l] += double{g[i + l]} * double{g[i + l]};
    }
  }
  sums = lanes;
  for (int64_t i = whole; i < count; ++i) {
    sums.abs_sum[i - whole] += double{std::fabs(w[i])};
    sums.grad_squares[i - whole] += double{g[i]} * double{g[i]};
  }
  return zeros;
}

void add(const LaneSums& sums, SegmentStats& stats) {
  for (int64_t l = 0; l < kLanes; ++l) {
    stats.abs_sum += sums.abs_sum[l];
    stats.grad_squares += sums.grad_squares[l];
  }
}

// Cuts all segments into tasks, and runs run_task(task) -> SegmentStats for each on one thread or
// another; sums up what comes back into stats[segment_count], if that is not null, in the order of
// the tasks.
template <class RunTask>
void run_tasks(const UpdateSegment* segments, int64_t segment_count, SegmentStats* stats,
               const RunTask& run_task) {
  std::array<Task, kBatchTasks> tasks;
  std::array<SegmentStats, kBatchTasks> partials;
  int64_t task_count = 0;
  int64_t batch_elements = 0;

  const auto run_batch = [&] {
    // A small network is done before a second thread would be awake.
    const int64_t grain = batch_elements <= kElementwiseGrain ? kBatchTasks : 1;
    parallel_for(task_count, grain, [&](int64_t begin, int64_t end) {
      for (int64_t k = begin; k < end; ++k) partials[size_t(k)] = run_task(tasks[size_t(k)]);
    });
    for (int64_t k = 0; k < task_count && stats != nullptr; ++k) {
      SegmentStats& total = stats[tasks[size_t(k)].segment];
      total.zeros += partials[size_t(k)].zeros;
      total.abs_sum += partials[size_t(k)].abs_sum;
      total.grad_squares += partials[size_t(k)].grad_squares;
    }
    task_count = 0;
    batch_elements = 0;
  };

  for (int64_t s = 0; s < segment_count; ++s) {
    if (stats != nullptr) stats[s] = {};
    for (int64_t done = 0; done < segments[s].count; done += kTaskElements) {
      const int64_t count = std::min(kTaskElements, segments[s].count - done);
      tasks[size_t(task_count++)] = {s, segments[s].begin + done, count};
      batch_elements += count;
      if (task_count == kBatchTasks) run_batch();
    }
  }
  run_batch();
}

}  // namespace

void l1_update(float* params, const float* grads, float* state1, float* state2,
               const UpdateSegment* segments, int64_t segment_count, int64_t,
               const UpdateRule& rule, const UpdateScalars* scalars, SegmentStats* stats, Stream) {
  run_tasks(segments, segment_count, stats, [&](const Task& task) {
    const UpdateCoefficients c = update_coefficients(rule, *scalars, segments[task.segment].lambda);
    LaneSums sums;
    SegmentStats partial{};
    for (int64_t done = 0; done < task.count; done += kBlock) {
      const int64_t i = task.begin + done;
      const Block block{params + i,
                        grads + i,
                        state1 == nullptr ? nullptr : state1 + i,
                        state2 == nullptr ? nullptr : state2 + i,
                        std::min(kBlock, task.count - done),
                        segments[task.segment].keep_zeros};
      update_block(block, rule, c);
      if (stats != nullptr) partial.zeros += count_block(block.w, block.g, block.count, sums);
    }
    add(sums, partial);
    return partial;
  });
}

void segment_stats(const float* params, const float* grads, const UpdateSegment* segments,
                   int64_t segment_count, SegmentStats* stats) {
  run_tasks(segments, segment_count, stats, [&](const Task& task) {
    LaneSums sums;
    SegmentStats partial{};
    partial.zeros = count_block(params + task.begin, grads + task.begin, task.count, sums);
    add(sums, partial);
    return partial;
  });
}

}  // namespace cpu
}  // namespace burin
