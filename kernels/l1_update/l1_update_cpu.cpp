#include <algorithm>
#include <array>

#include "kernels/common/parallel.h"
#include "kernels/common/simd.h"
#include "kernels/l1_update/l1_update.h"
#include "kernels/l1_update/l1_update_loops.h"

namespace burin {

UpdateScalars update_scalars(const UpdateRule& rule, float learning_rate, int64_t t) {
  UpdateScalars scalars{learning_rate, 1.0f, 1.0f};
  const auto correction = [t](float beta) {
    return static_cast<float>(1.0 - std::pow(double{beta}, static_cast<double>(t)));
  };
  switch (rule.optimizer) {
    case OptimizerKind::adam:
    case OptimizerKind::adamw:
    case OptimizerKind::nadam:
      scalars.bias_correction2 = correction(rule.beta2);
      [[fallthrough]];
    case OptimizerKind::adamax:
      scalars.bias_correction1 = correction(rule.beta1);
      break;
    default:
      break;
  }
  return scalars;
}

float update_diagonal(const UpdateRule& rule, float v, float a) {
  UpdateCoefficients c{};
  set_optimizer(rule, {0.0f, 1.0f, 1.0f}, c);
  return with_optimizer(rule.optimizer, [&](auto optimizer) {
    return diagonal_of<decltype(optimizer)::value>({0.0f, v, a}, c);
  });
}

namespace cpu {
namespace {

template <OptimizerKind kOptimizer, PenaltyForm kForm>
BURIN_ALWAYS_INLINE void update_loop(const Block& block, const UpdateCoefficients& c) {
  const float* __restrict__ g = block.g;
  const UpdateCoefficients constants = c;
  each_weight<kOptimizer>(
      block, [&](int64_t i, float w, WeightState& state) __attribute__((always_inline)) {
        return updated_weight<kOptimizer, kForm>(w, g[i], state, constants);
      });
}

}  // namespace

// One loop for each optimiser and form, all inlined into this function so that all are cloned.
BURIN_SIMD_CLONES
void update_block(const Block& block, OptimizerKind optimizer, const UpdateCoefficients& c) {
  with_optimizer(
      optimizer, [&](auto tag) __attribute__((always_inline)) {
        constexpr OptimizerKind kOptimizer = decltype(tag)::value;
        if (c.form == PenaltyForm::none) {
          update_loop<kOptimizer, PenaltyForm::none>(block, c);
        } else if (c.form == PenaltyForm::prox) {
          update_loop<kOptimizer, PenaltyForm::prox>(block, c);
        } else {
          update_loop<kOptimizer, PenaltyForm::general>(block, c);
        }
      });
}

namespace {

// A task is a piece of one segment, of whole rows where it has rows; tasks are handed out in
// batches, so that small layers share a parallel region and the partial statistics fit on the
// stack.
constexpr int64_t kTaskElements = 16384;
constexpr int64_t kBatchTasks = 64;
constexpr int64_t kLanes = 16;  // independent partial sums, whatever the vector width

struct Task {
  int64_t segment;
  int64_t begin;  // of the flat buffers
  int64_t count;
};

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

bool has_rows(const UpdateSegment& segment, const UpdateRule& rule) {
  return rule.penalty == Penalty::group_lasso && segment.row > 0;
}

// Cuts all segments into tasks of at most task_elements(segment), and runs run_task(task) ->
// SegmentStats for each on one thread or another; sums up what comes back into
// stats[segment_count], if that is not null, in the order of the tasks.
template <class TaskElements, class RunTask>
void run_tasks(const UpdateSegment* segments, int64_t segment_count, SegmentStats* stats,
               const TaskElements& task_elements, const RunTask& run_task) {
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
    const int64_t most = task_elements(segments[s]);
    for (int64_t done = 0; done < segments[s].count; done += most) {
      const int64_t count = std::min(most, segments[s].count - done);
      tasks[size_t(task_count++)] = {s, segments[s].begin + done, count};
      batch_elements += count;
      if (task_count == kBatchTasks) run_batch();
    }
  }
  run_batch();
}

}  // namespace

void l1_update(float* params, const float* grads, float* m, float* v, float* a,
               const UpdateSegment* segments, int64_t segment_count, int64_t,
               const UpdateRule& rule, const UpdateScalars* scalars, SegmentStats* stats, Stream) {
  const Flat flat{params, grads, m, v, a};
  // A row's task updates biases, which are another segment's: that is counted when all are done.
  const bool grouped = rule.penalty == Penalty::group_lasso;
  const bool counts = stats != nullptr && !grouped;
  const auto task_elements = [&](const UpdateSegment& segment) {
    if (!has_rows(segment, rule)) return kTaskElements;
    return std::max<int64_t>(1, kTaskElements / segment.row) * segment.row;
  };
  run_tasks(segments, segment_count, counts ? stats : nullptr, task_elements,
            [&](const Task& task) {
              const UpdateSegment& segment = segments[task.segment];
              SegmentStats partial{};
              if (grouped && segment.in_rows) return partial;
              const UpdateCoefficients c = update_coefficients(rule, *scalars, segment);
              if (has_rows(segment, rule)) {
                update_rows(flat, segment, (task.begin - segment.begin) / segment.row,
                            task.count / segment.row, rule.optimizer, c);
                return partial;
              }
              LaneSums sums;
              for (int64_t done = 0; done < task.count; done += kBlock) {
                const Block block = flat.block(
                    task.begin + done, std::min(kBlock, task.count - done), segment.keep_zeros);
                update_block(block, rule.optimizer, c);
                if (counts) partial.zeros += count_block(block.w, block.g, block.count, sums);
              }
              add(sums, partial);
              return partial;
            });
  if (grouped && stats != nullptr) segment_stats(params, grads, segments, segment_count, stats);
}

void segment_stats(const float* params, const float* grads, const UpdateSegment* segments,
                   int64_t segment_count, SegmentStats* stats) {
  const auto task_elements = [](const UpdateSegment&) { return kTaskElements; };
  run_tasks(segments, segment_count, stats, task_elements, [&](const Task& task) {
    LaneSums sums;
    SegmentStats partial{};
    partial.zeros = count_block(params + task.begin, grads + task.begin, task.count, sums);
    add(sums, partial);
    return partial;
  });
}

}  // namespace cpu
}  // namespace burin
