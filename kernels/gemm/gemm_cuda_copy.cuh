// Asynchronous copies (cp.async) from global to shared memory: a thread orders them and goes on;
// they pass by no register, and can put four bytes anywhere.
#pragma once

#include "kernels/gemm/gemm_cuda.cuh"

namespace burin::cuda::detail {
namespace {

__device__ inline uint32_t shared_address(const void* p) {
  return static_cast<uint32_t>(__cvta_generic_to_shared(p));
}
// 16 or 4 bytes, of which the first `bytes` are read and the others zero.
__device__ inline void copy_16_async(float* to, const float* from, int bytes) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(to)), "l"(from),
               "r"(bytes)
               : "memory");
}
__device__ inline void copy_4_async(float* to, const float* from, int bytes) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(shared_address(to)), "l"(from),
               "r"(bytes)
               : "memory");
}
__device__ inline void commit_copies() {
  asm volatile("cp.async.commit_group;" ::: "memory");
}
template <int kPending>
__device__ inline void wait_for_copies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
}

// Begins the copy of a panel of op(X), P::kRows x P::kDepth, whose first element is x[0]; zeros
// beyond `rows` and `depth`. P says how it is stored in global memory, P::kAlongDepth: [kRows, k]
// or else [k, kRows], and where P::place(row, p) puts an element in shared memory. Four neighbours
// in global memory go at once if `vector` and P::kKeepsFours; else a warp's threads lie P::kRun
// along the stored row, and then over rows.
template <class P, int kThreads>
__device__ void copy_panel(float* panel, const float* x, int64_t ld, int rows, int depth,
                           bool vector) {
  constexpr int kLength = P::kAlongDepth ? P::kDepth : P::kRows;  // of a stored row
  constexpr int kCount = P::kAlongDepth ? P::kRows : P::kDepth;   // of stored rows
  const int length = P::kAlongDepth ? depth : rows, count = P::kAlongDepth ? rows : depth;
  const auto place = [](int row, int column) {
    return P::kAlongDepth ? P::place(row, column) : P::place(column, row);
  };
  const int thread = static_cast<int>(threadIdx.x);
  if (P::kKeepsFours && vector) {
    constexpr int kStep = kThreads / (kLength / 4);
    static_assert(kThreads % (kLength / 4) == 0 && kCount % kStep == 0);
    const int row = thread / (kLength / 4), column = thread % (kLength / 4) * 4;
    const int left = length - column;
    const int bytes = left < 0 ? 0 : (left > 4 ? 16 : 4 * left);
    const float* from = x + row * ld + column;
#pragma unroll
    for (int i = 0; i < kCount; i += kStep) {
      const bool exists = row + i < count && bytes > 0;
      copy_16_async(panel + place(row + i, column), exists ? from : x, exists ? bytes : 0);
      from += kStep * ld;
    }
  } else {
    constexpr int kRun = P::kRun;
    constexpr int kStep = kThreads / kRun;
    static_assert(kThreads % kRun == 0 && kCount % kStep == 0 && kLength % kRun == 0);
    int again = thread;
    asm volatile("" : "+r"(again));  // places are worked out anew each turn: registers are scarcer
    const int row = again / kRun, column = again % kRun;
#pragma unroll 1
    for (int j = 0; j < kLength; j += kRun) {
      const float* from = x + row * ld + column + j;
#pragma unroll 4
      for (int i = 0; i < kCount; i += kStep) {
        const bool exists = row + i < count && column + j < length;
        copy_4_async(panel + place(row + i, column + j), exists ? from : x, exists ? 4 : 0);
        from += kStep * ld;
      }
    }
  }
}

// The panels of A and B that a block walks along k, and the ring of stages that they arrive in:
// each stage holds A's panel and, kBegin floats behind it, B's.
template <class PanelA, class PanelB, int kThreads, int kStages, int kBegin, int kStage>
class Pipeline {
 public:
  template <class Part>
  __device__ Pipeline(const Product& x, const Part& part, float* shared)
      : shared_(shared),
        a_(PanelA::kAlongDepth ? x.a + part.row * x.lda + part.begin
                               : x.a + part.begin * x.lda + part.row),
        b_(PanelB::kAlongDepth ? x.b + part.column * x.ldb + part.begin
                               : x.b + part.begin * x.ldb + part.column),
        left_(part.depth) {}

  // Orders the next panels, if there are more. A group of copies a turn, empty or not, because
  // wait() counts them.
  template <class Part>
  __device__ void advance(const Product& x, const Part& part) {
    if (left_ > 0) {
      constexpr int kDepth = PanelA::kDepth;
      const int depth = static_cast<int>(left_ < kDepth ? left_ : kDepth);
      float* stage = shared_ + arriving_ * kStage;
      copy_panel<PanelA, kThreads>(stage, a_, x.lda, part.rows, depth, x.vector_a);
      copy_panel<PanelB, kThreads>(stage + kBegin, b_, x.ldb, part.columns, depth, x.vector_b);
      a_ += PanelA::kAlongDepth ? kDepth : kDepth * x.lda;
      b_ += PanelB::kAlongDepth ? kDepth : kDepth * x.ldb;
      left_ -= kDepth;
      arriving_ = arriving_ + 1 == kStages ? 0 : arriving_ + 1;
    }
    commit_copies();
  }

  // The oldest panels ordered, when they have arrived for all threads; all are then done with those
  // before them.
  __device__ const float* wait() {
    wait_for_copies<kStages - 2>();
    __syncthreads();
    const float* stage = shared_ + arrived_ * kStage;
    arrived_ = arrived_ + 1 == kStages ? 0 : arrived_ + 1;
    return stage;
  }

 private:
  float* shared_;
  const float* a_;
  const float* b_;
  int64_t left_;
  int arriving_ = 0, arrived_ = 0;
};

}  // namespace
}  // namespace burin::cuda::detail
