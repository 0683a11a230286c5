#include <algorithm>
#include <cub/block/block_scan.cuh>

#include "kernels/common/cuda_reduce.cuh"
#include "kernels/common/cuda_vector.cuh"
#include "kernels/l1_update/l1_update.h"

namespace burin::cuda {
namespace {

// The segments are cut into tiles and these are numbered through. Each block takes a stretch of
// tiles that follow on one another, so that over all blocks there are fewer pairs (block, segment)
// than blocks and segments together: the pair's partial statistics have the place
// block + segment in the workspace, whatever the sizes.
constexpr int64_t kTile = 8 * kThreads;  // elements: two quads a thread
constexpr int kMaxBlocks = 512;
constexpr int kMaxSegments = kThreads;  // a launch
static_assert((kMaxBlocks + kMaxSegments) * sizeof(SegmentStats) <= kWorkspaceBytes);

// The flat buffers; m and v are null where the optimiser has no such state.
struct Flat {
  float* w;
  const float* g;
  float* m;
  float* v;
};

struct AddStats {
  __device__ SegmentStats operator()(const SegmentStats& a, const SegmentStats& b) const {
    return {a.zeros + b.zeros, a.abs_sum + b.abs_sum, a.grad_squares + b.grad_squares};
  }
};

template <OptimizerKind kOptimizer, L1Mode kMode, bool kPenalised>
__device__ void update_piece(const Flat& flat /* each [count] */, int64_t count, bool keep_zeros,
                             const UpdateCoefficients& c, SegmentStats& mine) {
  const bool vectors =
      ((reinterpret_cast<uintptr_t>(flat.w) | reinterpret_cast<uintptr_t>(flat.g) |
        reinterpret_cast<uintptr_t>(flat.m) | reinterpret_cast<uintptr_t>(flat.v)) &
       15u) == 0;
  const auto update = [&](int64_t i, auto width) {
    auto w = load(flat.w + i, width);
    const auto g = load(flat.g + i, width);
    decltype(w) m{}, v{};
    if constexpr (kOptimizer != OptimizerKind::sgd) m = load(flat.m + i, width);
    if constexpr (kOptimizer == OptimizerKind::adam) v = load(flat.v + i, width);
#pragma unroll
    for (int k = 0; k < width.kValue; ++k) {
      const float old = w.v[k];
      const float updated =
          updated_weight<kOptimizer, kMode, kPenalised>(old, g.v[k], m.v[k], v.v[k], c);
      w.v[k] = keep_zeros && old == 0.0f ? 0.0f : updated;
      mine.zeros += w.v[k] == 0.0f ? 1 : 0;
      mine.abs_sum += static_cast<double>(fabsf(w.v[k]));
      mine.grad_squares += static_cast<double>(g.v[k]) * static_cast<double>(g.v[k]);
    }
    store(flat.w + i, w);
    if constexpr (kOptimizer != OptimizerKind::sgd) store(flat.m + i, m);
    if constexpr (kOptimizer == OptimizerKind::adam) store(flat.v + i, v);
  };
  if (vectors) {
    for_each_quad(count, true, threadIdx.x, kThreads, update);
  } else {  // neighbouring threads at neighbouring elements
    for (int64_t i = threadIdx.x; i < count; i += kThreads) update(i, Width<1>{});
  }
}

__device__ float* shifted(float* p, int64_t i) {
  return p == nullptr ? nullptr : p + i;
}

// 16 + 12 bytes a weight for Adam: each buffer is read once, and written once if it changes.
template <OptimizerKind kOptimizer, L1Mode kMode>
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
      shared_coefficients = update_coefficients(rule, *scalars, segment.lambda);
    }
    __syncthreads();
    const UpdateCoefficients c = shared_coefficients;
    const int64_t stop = end < first_tile[s + 1] ? end : first_tile[s + 1];
    const int64_t from = (tile - first_tile[s]) * kTile;
    const int64_t to = (stop - first_tile[s]) * kTile;
    const int64_t count = (to < segment.count ? to : segment.count) - from;
    const int64_t i = segment.begin + from;
    const Flat piece{flat.w + i, flat.g + i, shifted(flat.m, i), shifted(flat.v, i)};
    SegmentStats mine{};
    if (segment.lambda == 0.0f) {
      update_piece<kOptimizer, kMode, false>(piece, count, segment.keep_zeros, c, mine);
    } else {
      update_piece<kOptimizer, kMode, true>(piece, count, segment.keep_zeros, c, mine);
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

using UpdateKernel = decltype(&l1_update_kernel<OptimizerKind::sgd, L1Mode::prox>);

template <OptimizerKind kOptimizer>
UpdateKernel kernel_in_mode(L1Mode mode) {
  switch (mode) {
    case L1Mode::prox:
      return l1_update_kernel<kOptimizer, L1Mode::prox>;
    case L1Mode::decoupled:
      return l1_update_kernel<kOptimizer, L1Mode::decoupled>;
    default:
      return l1_update_kernel<kOptimizer, L1Mode::subgradient>;
  }
}

UpdateKernel kernel_for(const UpdateRule& rule) {
  switch (rule.optimizer) {
    case OptimizerKind::sgd:
      return kernel_in_mode<OptimizerKind::sgd>(rule.l1_mode);
    case OptimizerKind::momentum:
      return kernel_in_mode<OptimizerKind::momentum>(rule.l1_mode);
    default:
      return kernel_in_mode<OptimizerKind::adam>(rule.l1_mode);
  }
}

}  // namespace

// One launch for up to kMaxSegments segments. How many tiles each has is known on the device only;
// together they have no more than the whole ones among all elements and a last one each.
void l1_update(float* params, const float* grads, float* state1, float* state2,
               const UpdateSegment* segments, int64_t segment_count, int64_t elements,
               const UpdateRule& rule, const UpdateScalars* scalars, SegmentStats* stats,
               Stream stream) {
  const UpdateKernel kernel = kernel_for(rule);
  for (int64_t first = 0; first < segment_count; first += kMaxSegments) {
    const int count = static_cast<int>(std::min<int64_t>(kMaxSegments, segment_count - first));
    const int64_t blocks = std::clamp<int64_t>(elements / kTile + count, 1, kMaxBlocks);
    kernel<<<static_cast<unsigned>(blocks), kThreads, 0, stream_of(stream)>>>(
        {params, grads, state1, state2}, segments + first, count, rule, scalars,
        stats == nullptr ? nullptr : stats + first, workspace_of(stream));
    check_launch("l1_update_kernel");
  }
}

}  // namespace burin::cuda
