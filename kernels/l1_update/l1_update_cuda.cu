#include <algorithm>
#include <cub/block/block_scan.cuh>

#include "kernels/common/cuda_reduce.cuh"
#include "kernels/common/cuda_vector.cuh"
#include "kernels/l1_update/l1_update_formula.h"

namespace burin::cuda {
namespace {

// The segments are cut into tiles and these are numbered through. Each block takes a stretch of
// tiles that follow on one another, so that over all blocks there are fewer pairs (block, segment)
// than blocks and segments together: the pair's partial statistics have the place
// block + segment in the workspace, whatever the sizes.
constexpr int64_t kTile = 8 * kThreads;  // elements: two quads a thread
constexpr int kMaxBlocks = 512;
constexpr int kMaxSegments = kThreads;  // a launch
constexpr int kMaxRowBlocks = 128;      // a segment, of group lasso
static_assert((kMaxBlocks + kMaxSegments) * sizeof(SegmentStats) <= kWorkspaceBytes);

// The flat buffers; state that the optimiser has none of is null.
struct Flat {
  float* w;
  const float* g;
  float* m;
  float* v;
  float* a;

  __device__ Flat from(int64_t i) const {
    const auto at = [i](float* p) { return p == nullptr ? nullptr : p + i; };
    return {w + i, g + i, at(m), at(v), at(a)};
  }
  __device__ bool aligned() const {
    return ((reinterpret_cast<uintptr_t>(w) | reinterpret_cast<uintptr_t>(g) |
             reinterpret_cast<uintptr_t>(m) | reinterpret_cast<uintptr_t>(v) |
             reinterpret_cast<uintptr_t>(a)) &
            15u) == 0;
  }
};

struct AddStats {
  __device__ SegmentStats operator()(const SegmentStats& a, const SegmentStats& b) const {
    return {a.zeros + b.zeros, a.abs_sum + b.abs_sum, a.grad_squares + b.grad_squares};
  }
};

__device__ void count(float w, float g, SegmentStats& mine) {
  mine.zeros += w == 0.0f ? 1 : 0;
  mine.abs_sum += static_cast<double>(fabsf(w));
  mine.grad_squares += static_cast<double>(g) * static_cast<double>(g);
}

// body(i, width) for the block's threads on [0, count).
template <class Body>
__device__ void each_of_block(int64_t count, bool vectors, const Body& body) {
  if (vectors) {
    for_each_quad(count, true, threadIdx.x, kThreads, body);
  } else {  // neighbouring threads at neighbouring elements
    for (int64_t i = threadIdx.x; i < count; i += kThreads) body(i, Width<1>{});
  }
}

// A form that is known when the loop is compiled, or looked up for each weight.
template <PenaltyForm kForm>
struct FixedForm {
  template <OptimizerKind kOptimizer>
  static __device__ float updated(float w, float g, WeightState& s, const UpdateCoefficients& c) {
    return updated_weight<kOptimizer, kForm>(w, g, s, c);
  }
};
struct AnyForm {
  template <OptimizerKind kOptimizer>
  static __device__ float updated(float w, float g, WeightState& s, const UpdateCoefficients& c) {
    if (c.form == PenaltyForm::none) {
      return updated_weight<kOptimizer, PenaltyForm::none>(w, g, s, c);
    }
    if (c.form == PenaltyForm::prox) {
      return updated_weight<kOptimizer, PenaltyForm::prox>(w, g, s, c);
    }
    return updated_weight<kOptimizer, PenaltyForm::general>(w, g, s, c);
  }
};

template <OptimizerKind kOptimizer, class Form>
__device__ void update_piece(const Flat& flat /* each [size] */, int64_t size, bool keep_zeros,
                             const UpdateCoefficients& c, SegmentStats& mine) {
  each_of_block(size, flat.aligned(), [&](int64_t i, auto width) {
    auto w = load(flat.w + i, width);
    const auto g = load(flat.g + i, width);
    decltype(w) m{}, v{}, a{};
    if constexpr (has_m(kOptimizer)) m = load(flat.m + i, width);
    if constexpr (has_v(kOptimizer)) v = load(flat.v + i, width);
    if constexpr (has_a(kOptimizer)) a = load(flat.a + i, width);
#pragma unroll
    for (int k = 0; k < width.kValue; ++k) {
      const float old = w.v[k];
      WeightState state{m.v[k], v.v[k], a.v[k]};
      const float updated = Form::template updated<kOptimizer>(old, g.v[k], state, c);
      m.v[k] = state.m;
      v.v[k] = state.v;
      a.v[k] = state.a;
      w.v[k] = keep_zeros && old == 0.0f ? 0.0f : updated;
      count(w.v[k], g.v[k], mine);
    }
    store(flat.w + i, w);
    if constexpr (has_m(kOptimizer)) store(flat.m + i, m);
    if constexpr (has_v(kOptimizer)) store(flat.v + i, v);
    if constexpr (has_a(kOptimizer)) store(flat.a + i, a);
  });
}

// Of what l1_update_rows_kernel has updated.
__device__ void count_piece(const Flat& flat, int64_t size, SegmentStats& mine) {
  each_of_block(size, flat.aligned(), [&](int64_t i, auto width) {
    const auto w = load(flat.w + i, width);
    const auto g = load(flat.g + i, width);
#pragma unroll
    for (int k = 0; k < width.kValue; ++k) count(w.v[k], g.v[k], mine);
  });
}

// Group lasso, before l1_update_kernel counts what came of it: a warp a row, which it walks three
// times. Blocks (x, y) take the rows of segment y. The order of a row's sums is that of kRowLanes.
template <OptimizerKind kOptimizer>
__global__ void __launch_bounds__(kThreads, 2)
    l1_update_rows_kernel(Flat flat, const UpdateSegment* segments /* [gridDim.y] */,
                          UpdateRule rule, const UpdateScalars* scalars /* [1] */) {
  static_assert(kRowLanes == 32);
  const UpdateSegment segment = segments[blockIdx.y];
  if (segment.row == 0) return;
  const UpdateCoefficients c = update_coefficients(rule, *scalars, segment);
  UpdateCoefficients of_bias = c;
  of_bias.kept = 1.0f;  // biases do not decay
  constexpr unsigned kAll = 0xffffffffu;
  constexpr int kWarps = kThreads / 32;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int64_t n = segment.row;
  const int64_t rows = segment.count / n;
  const bool has_bias = segment.bias >= 0;
  const double elements = static_cast<double>(n + (has_bias ? 1 : 0));
  const bool takes_bias = has_bias && lane == static_cast<int>(n % 32);
  const auto load_state = [&](int64_t i) {
    WeightState state;
    if constexpr (has_m(kOptimizer)) state.m = flat.m[i];
    if constexpr (has_v(kOptimizer)) state.v = flat.v[i];
    if constexpr (has_a(kOptimizer)) state.a = flat.a[i];
    return state;
  };
  const auto store_state = [&](int64_t i, const WeightState& state) {
    if constexpr (has_m(kOptimizer)) flat.m[i] = state.m;
    if constexpr (has_v(kOptimizer)) flat.v[i] = state.v;
    if constexpr (has_a(kOptimizer)) flat.a[i] = state.a;
  };
  for (int64_t r = int64_t{blockIdx.x} * kWarps + threadIdx.x / 32; r < rows;
       r += int64_t{gridDim.x} * kWarps) {
    const int64_t begin = segment.begin + r * n;
    // f(element, coefficients, whether a zero stays), each lane its own.
    bool dead = false;
    const auto walk = [&](const auto& f) {
      for (int64_t j = lane; j < n; j += 32) f(begin + j, c, segment.keep_zeros);
      if (takes_bias) f(segment.bias + r, of_bias, dead);
    };
    if (segment.keep_zeros) {
      bool row_is_zero = true;
      for (int64_t j = lane; j < n; j += 32) row_is_zero = row_is_zero && flat.w[begin + j] == 0.0f;
      dead = __all_sync(kAll, row_is_zero) != 0;
    }
    if (c.group == 0.0f) {
      walk([&](int64_t i, const UpdateCoefficients& coefficients, bool keep_zero) {
        WeightState state = load_state(i);
        const float old = flat.w[i];
        const float updated =
            updated_weight<kOptimizer, PenaltyForm::none>(old, flat.g[i], state, coefficients);
        flat.w[i] = keep_zero && old == 0.0f ? 0.0f : updated;
        store_state(i, state);
      });
      continue;
    }
    double diagonal_squares = 0.0;
    walk([&](int64_t i, const UpdateCoefficients& coefficients, bool) {
      WeightState state = load_state(i);
      const float d = advance_state<kOptimizer>(flat.g[i], state, coefficients).value;
      diagonal_squares += static_cast<double>(d) * static_cast<double>(d);
      store_state(i, state);
    });
    diagonal_squares = __shfl_sync(kAll, warp_sum(diagonal_squares), 0);
    const RowDiagonal diagonal = row_diagonal(kOptimizer, diagonal_squares, elements, c.diagonal);
    double squares = 0.0;
    walk([&](int64_t i, const UpdateCoefficients& coefficients, bool keep_zero) {
      const float old = flat.w[i];
      const float moved =
          moved_weight<kOptimizer>(old, flat.g[i], load_state(i), diagonal.inverse, coefficients);
      const float u = keep_zero && old == 0.0f ? 0.0f : moved;
      squares += static_cast<double>(u) * static_cast<double>(u);
      flat.w[i] = u;
    });
    squares = __shfl_sync(kAll, warp_sum(squares), 0);
    const float factor = row_factor(squares, diagonal.value, elements, c.group);
    if (factor == 1.0f) continue;
    walk([&](int64_t i, const UpdateCoefficients&, bool) {
      flat.w[i] = factor == 0.0f ? 0.0f : flat.w[i] * factor;
    });
  }
}

// 16 + 12 bytes a weight for Adam: each buffer is read once, and written once if it changes.
template <OptimizerKind kOptimizer>
__global__ void __launch_bounds__(kThreads, 2)
    l1_update_kernel(Flat flat, const UpdateSegment* segments /* [segment_count] */,
                     int segment_count, UpdateRule rule, const UpdateScalars* scalars /* [1] */,
                     SegmentStats* stats /* [segment_count] or null */, Workspace workspace) {
  using Scan = cub::BlockScan<int64_t, kThreads>;
  __shared__ typename Scan::TempStorage scan_storage;
  __shared__ int64_t first_tile[kMaxSegments + 1];  // of each segment, and the number of all tiles
  // Of the stretch in hand: read once a block and not once a warp.
  __shared__ UpdateSegment segment;
  __shared__ UpdateCoefficients shared_coefficients;
  const int thread = static_cast<int>(threadIdx.x);
  const int64_t my_tiles =
      thread < segment_count ? (segments[thread].count + kTile - 1) / kTile : 0;
  int64_t before = 0, tiles = 0;
  Scan(scan_storage).ExclusiveSum(my_tiles, before, tiles);
  first_tile[thread] = before;
  if (thread == 0) first_tile[kMaxSegments] = tiles;
  __syncthreads();

  // Block b of `used` takes tiles [b * tiles / used, (b + 1) * tiles / used): one at least.
  auto* const partials = static_cast<SegmentStats*>(workspace.partials);
  const int64_t used = tiles < gridDim.x ? tiles : int64_t{gridDim.x};
  const int64_t block = blockIdx.x;
  const int64_t end = block < used ? (block + 1) * tiles / used : 0;
  int s = 0;
  for (int64_t tile = block < used ? block * tiles / used : 0; tile < end;) {
    while (first_tile[s + 1] <= tile) ++s;
    __syncthreads();  // the stretch before is done
    if (thread == 0) {
      segment = segments[s];
      shared_coefficients = update_coefficients(rule, *scalars, segment);
    }
    __syncthreads();
    const UpdateCoefficients c = shared_coefficients;
    const int64_t stop = end < first_tile[s + 1] ? end : first_tile[s + 1];
    const int64_t from = (tile - first_tile[s]) * kTile;
    const int64_t to = (stop - first_tile[s]) * kTile;
    const int64_t size = (to < segment.count ? to : segment.count) - from;
    const Flat piece = flat.from(segment.begin + from);
    SegmentStats mine{};
    if (rule.penalty == Penalty::group_lasso && (segment.row > 0 || segment.in_rows)) {
      count_piece(piece, size, mine);
    } else if (kOptimizer != OptimizerKind::adam || c.form == PenaltyForm::general) {
      // One loop instead of three, each in two widths: what is used less is compiled in less time.
      update_piece<kOptimizer, AnyForm>(piece, size, segment.keep_zeros, c, mine);
    } else if constexpr (kOptimizer == OptimizerKind::adam) {
      if (c.form == PenaltyForm::none) {
        update_piece<kOptimizer, FixedForm<PenaltyForm::none>>(piece, size, segment.keep_zeros, c,
                                                               mine);
      } else {
        update_piece<kOptimizer, FixedForm<PenaltyForm::prox>>(piece, size, segment.keep_zeros, c,
                                                               mine);
      }
    }
    if (stats != nullptr) {
      const SegmentStats partial = block_reduce(mine, AddStats{});
      if (thread == 0) partials[block + s] = partial;
      __syncthreads();  // before the next segment's sums
    }
    tile = stop;
  }

  // A warp a segment adds the partials of the blocks that met it, in the order of the blocks.
  if (stats == nullptr || !last_block(workspace)) return;
  const int lane = thread % 32;
  for (int t = thread / 32; t < segment_count; t += kThreads / 32) {
    SegmentStats mine{};
    if (first_tile[t] < first_tile[t + 1]) {
      const int64_t first = ((first_tile[t] + 1) * used - 1) / tiles;  // that has its first tile
      const int64_t last = (first_tile[t + 1] * used - 1) / tiles;
      for (int64_t b = first + lane; b <= last; b += 32) {
        mine.zeros += __ldcg(&partials[b + t].zeros);
        mine.abs_sum += __ldcg(&partials[b + t].abs_sum);
        mine.grad_squares += __ldcg(&partials[b + t].grad_squares);
      }
    }
    const SegmentStats total{warp_sum(mine.zeros), warp_sum(mine.abs_sum),
                             warp_sum(mine.grad_squares)};
    if (lane == 0) stats[t] = total;
  }
}

using UpdateKernel = decltype(&l1_update_kernel<OptimizerKind::sgd>);
using RowsKernel = decltype(&l1_update_rows_kernel<OptimizerKind::sgd>);

UpdateKernel kernel_for(OptimizerKind optimizer) {
  return with_optimizer(
      optimizer, [](auto tag) -> UpdateKernel { return l1_update_kernel<decltype(tag)::value>; });
}
RowsKernel rows_kernel_for(OptimizerKind optimizer) {
  return with_optimizer(optimizer, [](auto tag) -> RowsKernel {
    return l1_update_rows_kernel<decltype(tag)::value>;
  });
}

}  // namespace

// One launch for up to kMaxSegments segments, and for group lasso one before it. How many tiles
// each has is known on the device only; together they have no more than the whole ones among all
// elements and a last one each.
void l1_update(float* params, const float* grads, float* m, float* v, float* a,
               const UpdateSegment* segments, int64_t segment_count, int64_t elements,
               const UpdateRule& rule, const UpdateScalars* scalars, SegmentStats* stats,
               Stream stream) {
  const Flat flat{params, grads, m, v, a};
  for (int64_t first = 0; first < segment_count; first += kMaxSegments) {
    const int count = static_cast<int>(std::min<int64_t>(kMaxSegments, segment_count - first));
    const int64_t tiles = std::max<int64_t>(elements, 0) / kTile;
    if (rule.penalty == Penalty::group_lasso) {
      const int64_t row_blocks = std::clamp<int64_t>(tiles, 1, kMaxRowBlocks);
      const dim3 grid(static_cast<unsigned>(row_blocks), static_cast<unsigned>(count));
      rows_kernel_for(rule.optimizer)<<<grid, kThreads, 0, stream_of(stream)>>>(
          flat, segments + first, rule, scalars);
      check_launch("l1_update_rows_kernel");
    }
    const int64_t blocks = std::clamp<int64_t>(tiles + count, 1, kMaxBlocks);
    kernel_for(rule.optimizer)<<<static_cast<unsigned>(blocks), kThreads, 0, stream_of(stream)>>>(
        flat, segments + first, count, rule, scalars, stats == nullptr ? nullptr : stats + first,
        workspace_of(stream));
    check_launch("l1_update_kernel");
  }
}

}  // namespace burin::cuda
