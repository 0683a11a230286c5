// Asynchronous copies (cp.async) from global to shared memory: a thread orders them and goes on;
// they pass by no register, and can put four bytes anywhere.
#pragma once

#include "kernels/gemm/gemm_cuda.cuh"

namespace burin::cuda::detail {
namespace {

__device__ inline uint32_t shared_address(const void* p) {
  return static_cast<uint32_t>(__cvta_generic_to_shared(p));
}
// to[0 .. 3] = x, y, z, w and to[0 .. 1] = x, y in shared memory, in one instruction each: left to
// itself nvcc splits some stores of a float4, and then four lanes meet in a bank.
__device__ inline void store_4(float* to, float x, float y, float z, float w) {
  asm volatile("st.shared.v4.f32 [%0], {%1, %2, %3, %4};" ::"r"(shared_address(to)), "f"(x), "f"(y),
               "f"(z), "f"(w)
               : "memory");
}
__device__ inline void store_2(float* to, float x, float y) {
  asm volatile("st.shared.v2.f32 [%0], {%1, %2};" ::"r"(shared_address(to)), "f"(x), "f"(y)
               : "memory");
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

// threadIdx.x, as if it were something new: what is worked out from it is not kept in registers
// from elsewhere, which are scarcer than the few instructions.
__device__ inline int thread_again() {
  int thread = static_cast<int>(threadIdx.x);
  asm volatile("" : "+r"(thread));
  return thread;
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
    const int again = thread_again();
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

// The panels of A and B that a block walks along k, turn by turn, and the ring of stages that they
// arrive in: each stage holds A's panel and, kBegin floats behind it, B's.
//   for (int t = 1 - kStages; t < turns; ++t) {
//     stage = t < 0 ? null : wait(t);  order(t + kStages - 1);  use the stage if t >= 0
//   }
template <class PanelA, class PanelB, int kThreads, int kStages, int kBegin, int kStage>
class Pipeline {
  static constexpr int kDepth = PanelA::kDepth;

 public:
  template <class Part>
  __device__ Pipeline(const Product& x, const Part& part, float* shared)
      : turns(static_cast<int>((part.depth + kDepth - 1) / kDepth)),
        last_depth_(static_cast<int>(part.depth - int64_t{turns - 1} * kDepth)),
        shared_(shared),
        a_(PanelA::kAlongDepth ? x.a + part.row * x.lda + part.begin
                               : x.a + part.begin * x.lda + part.row),
        b_(PanelB::kAlongDepth ? x.b + part.column * x.ldb + part.begin
                               : x.b + part.begin * x.ldb + part.column) {}

  // Values of k in a turn's panels.
  __device__ int depth(int turn) const { return turn + 1 < turns ? kDepth : last_depth_; }

  // Orders a turn's panels, if there is such a turn. To be called in order, for every turn or none:
  // wait() counts the groups of copies.
  template <class Part>
  __device__ void order(const Product& x, const Part& part, int turn) {
    if (turn < turns) {
      float* stage = shared_ + turn % kStages * kStage;
      copy_panel<PanelA, kThreads>(stage, a_, x.lda, part.rows, depth(turn), x.vector_a);
      copy_panel<PanelB, kThreads>(stage + kBegin, b_, x.ldb, part.columns, depth(turn),
                                   x.vector_b);
      a_ += PanelA::kAlongDepth ? kDepth : kDepth * x.lda;
      b_ += PanelB::kAlongDepth ? kDepth : kDepth * x.ldb;
    }
    commit_copies();
  }

  // A turn's panels, when they have arrived for all threads; all are then done with those before.
  __device__ const float* wait(int turn) const {
    wait_for_copies<kStages - 2>();
    __syncthreads();
    return shared_ + turn % kStages * kStage;
  }

  const int turns;

 private:
  const int last_depth_;
  float* shared_;
  const float* a_;
  const float* b_;
};

}  // namespace
}  // namespace burin::cuda::detail
