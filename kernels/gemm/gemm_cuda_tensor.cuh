// Tensor cores by mma.sync, written once for tf32 and bf16; gemm_cuda_tf32.cu and gemm_cuda_bf16.cu
// instantiate it. Panels of A and B arrive in shared memory, still in single precision, by cp.async
// and several stages ahead; they are rounded when they are in registers.
// Fragments and instructions: PTX ISA, sections "mma.m16n8k8", "mma.m16n8k16", "ldmatrix".
#pragma once

#include "kernels/gemm/gemm_cuda_copy.cuh"

namespace burin::cuda::detail {
namespace {

// Four matrices of 8 rows x 16 bytes. Lane l names row l % 8 of matrix l / 8 and gets from each the
// float in row l / 4, place l % 4.
__device__ inline void load_matrices(const float* row, uint32_t (&x)[4]) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(x[0]), "=r"(x[1]), "=r"(x[2]), "=r"(x[3])
               : "r"(shared_address(row))
               : "memory");
}

struct Tf32 {
  static constexpr int kStep = 8;  // values of k that an instruction takes
  static __device__ uint32_t round(uint32_t x) {
    uint32_t y;
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(y) : "f"(__uint_as_float(x)));
    return y;
  }
  static __device__ void multiply(const uint32_t (&a)[4], const uint32_t (&b)[2], float (&c)[4]) {
    asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 "
        "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  }
};

struct Bf16 {
  static constexpr int kStep = 16;
  static __device__ uint32_t pack(uint32_t low, uint32_t high) {
    uint32_t y;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;"
        : "=r"(y)
        : "f"(__uint_as_float(high)), "f"(__uint_as_float(low)));
    return y;
  }
  static __device__ void multiply(const uint32_t (&a)[4], const uint32_t (&b)[2], float (&c)[4]) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
        "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  }
};

// A panel of op(X), kRows x kDepth, in shared memory as it lies in global memory.
// kAlongDepth: [kRows][kDepth], chunks of 16 bytes swizzled so that 8 chunks of one column, and 8
//   neighbours of a row or two, are in different banks: what ldmatrix reads and cp.async writes.
// else [kDepth][kRows + 8]: 4 rows x 8 columns of floats are in different banks.
template <int kRows_, int kDepth_, bool kAlongDepth_>
struct Panel {
  static constexpr int kRows = kRows_, kDepth = kDepth_;
  static constexpr bool kAlongDepth = kAlongDepth_, kKeepsFours = true;
  static constexpr int kRun = kAlongDepth ? kDepth : kRows;
  static constexpr int kStep = kRows + 8;
  static constexpr int kFloats = kAlongDepth ? kRows * kDepth : kDepth * kStep;
  static_assert(kDepth == 16 || kDepth == 32);

  static __device__ int place(int row, int p) {
    if (!kAlongDepth) return p * kStep + row;
    const int swizzle = kDepth == 32 ? row % 8 : row / 2 % 4;
    return row * kDepth + ((p / 4 ^ swizzle) * 4 + p % 4);
  }

  // Lane l = 4 g + t gets X(r + g, p + t), X(r + 8 + g, p + t), then both at p + t + 4, where r is
  // row + more: a fragment of A for tf32, or two of B (columns r .. r + 7 and r + 8 .. r + 15).
  // `more`, a multiple of 16, and p are constants that end up within the instructions.
  static __device__ void load(const float* panel, int row, int more, int p, uint32_t (&x)[4]) {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    if (kAlongDepth) {
      load_matrices(panel + place(row + lane % 16, p + lane / 16 * 4) + more * kDepth, x);
    } else {
      const float* from = panel + place(row + lane / 4, lane % 4) + (p * kStep + more);
      x[0] = __float_as_uint(from[0]);
      x[1] = __float_as_uint(from[8]);
      x[2] = __float_as_uint(from[4 * kStep]);
      x[3] = __float_as_uint(from[4 * kStep + 8]);
    }
  }
};

// Warps lie kWarpsDown x kWarpsAcross; each has kDown x kAcross sums of 16 x 8.
template <int kWarpsDown_, int kWarpsAcross_, int kDown_, int kAcross_, int kDepth_, int kStages_,
          int kBlocks_>
struct TensorTile {
  static constexpr int kWarpsDown = kWarpsDown_, kWarpsAcross = kWarpsAcross_;
  static constexpr int kDown = kDown_, kAcross = kAcross_, kDepth = kDepth_, kStages = kStages_;
  static constexpr int kBlocks = kBlocks_;  // that shared memory leaves room for on an A100
  static constexpr int kThreads = 32 * kWarpsDown * kWarpsAcross;
  static constexpr int kRows = 16 * kDown * kWarpsDown, kColumns = 8 * kAcross * kWarpsAcross;
  static constexpr int kSumStep = kColumns + 8;  // of the sums on their way out
  static_assert(kAcross % 2 == 0);
};
using LargeTensorTile = TensorTile<2, 4, 4, 4, 16, 4, 2>;  // 128 x 128, 256 threads
using SmallTensorTile = TensorTile<2, 2, 2, 4, 32, 3, 2>;  // 64 x 64, 128 threads

// A lane's fragments of one instruction, rounded: of A(row + more + 0 .. 15, p ...), and two of B.
// The order of k within an instruction is free as long as A and B agree: bf16 takes, for lane 4 g +
// t, p + t and p + t + 4, p + t + 8 and p + t + 12, which is what two loads for tf32 bring.
template <class P, class Panel>
__device__ void load_a(const float* panel, int row, int more, int p, uint32_t (&a)[4]) {
  uint32_t x[4];
  Panel::load(panel, row, more, p, x);
  if constexpr (P::kStep == 8) {
#pragma unroll
    for (int e = 0; e < 4; ++e) a[e] = P::round(x[e]);
  } else {
    uint32_t y[4];
    Panel::load(panel, row, more, p + 8, y);
    a[0] = P::pack(x[0], x[2]);
    a[1] = P::pack(x[1], x[3]);
    a[2] = P::pack(y[0], y[2]);
    a[3] = P::pack(y[1], y[3]);
  }
}
template <class P, class Panel>
__device__ void load_b(const float* panel, int column, int more, int p, uint32_t (&left)[2],
                       uint32_t (&right)[2]) {
  uint32_t x[4];
  Panel::load(panel, column, more, p, x);
  if constexpr (P::kStep == 8) {
    left[0] = P::round(x[0]);
    left[1] = P::round(x[2]);
    right[0] = P::round(x[1]);
    right[1] = P::round(x[3]);
  } else {
    uint32_t y[4];
    Panel::load(panel, column, more, p + 8, y);
    left[0] = P::pack(x[0], x[2]);
    left[1] = P::pack(y[0], y[2]);
    right[0] = P::pack(x[1], x[3]);
    right[1] = P::pack(y[1], y[3]);
  }
}

// sums += panel_a panel_b, for the warp whose part of the tile begins at (row, column). kWhole: all
// of it is within C and k; else only the instructions that meet `down` x `across` sums and `depth`
// values of k are issued.
template <class P, class T, class PanelA, class PanelB, bool kWhole>
__device__ void multiply_panels(const float* panel_a, const float* panel_b, int row, int column,
                                int down, int across, int depth,
                                float (&sum)[T::kDown][T::kAcross][4]) {
#pragma unroll
  for (int p = 0; p < T::kDepth; p += P::kStep) {
    if (!kWhole && p >= depth) break;
    uint32_t b[T::kAcross][2];
#pragma unroll
    for (int j = 0; j < T::kAcross; j += 2)
      load_b<P, PanelB>(panel_b, column, 8 * j, p, b[j], b[j + 1]);
#pragma unroll
    for (int i = 0; i < T::kDown; ++i) {
      uint32_t a[4];
      load_a<P, PanelA>(panel_a, row, 16 * i, p, a);
#pragma unroll
      for (int j = 0; j < T::kAcross; ++j) {
        if (kWhole || (i < down && j < across)) P::multiply(a, b[j], sum[i][j]);
      }
    }
  }
}

template <class T, bool kTransposeA, bool kTransposeB>
struct TensorLayout {
  using PanelA = Panel<T::kRows, T::kDepth, !kTransposeA>;
  using PanelB = Panel<T::kColumns, T::kDepth, kTransposeB>;
  static constexpr int kStage = PanelA::kFloats + PanelB::kFloats;
  static constexpr int kSums = T::kRows * T::kSumStep;
  static constexpr int kBytes =
      4 * (T::kStages * kStage > kSums ? T::kStages * kStage : kSums);  // of shared memory
};

template <class P, class T, bool kTransposeA, bool kTransposeB>
__device__ __forceinline__ void multiply_tensor_tile(const Product& x, const Place& at) {
  using Layout = TensorLayout<T, kTransposeA, kTransposeB>;
  using PanelA = typename Layout::PanelA;
  using PanelB = typename Layout::PanelB;
  extern __shared__ __align__(128) float shared_memory[];
  if (sums_rows(x, at)) return;
  const Part<T::kRows, T::kColumns> part(x, at);

  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int row = warp % T::kWarpsDown * 16 * T::kDown;
  const int column = warp / T::kWarpsDown * 8 * T::kAcross;
  const int down = part.rows <= row ? 0 : (part.rows - row + 15) / 16;
  const int across = part.columns <= column ? 0 : (part.columns - column + 7) / 8;
  const bool whole = down >= T::kDown && across >= T::kAcross;

  float sum[T::kDown][T::kAcross][4] = {};
  Pipeline<PanelA, PanelB, T::kThreads, T::kStages, PanelA::kFloats, Layout::kStage> pipeline(
      x, part, shared_memory);
#pragma unroll 1
  for (int t = 1 - T::kStages; t < pipeline.turns; ++t) {
    const float* panel_a = t < 0 ? nullptr : pipeline.wait(t);
    pipeline.order(x, part, t + T::kStages - 1);
    if (t < 0) continue;
    const float* panel_b = panel_a + PanelA::kFloats;
    const int depth = pipeline.depth(t);
    if (whole && depth == T::kDepth) {
      multiply_panels<P, T, PanelA, PanelB, true>(panel_a, panel_b, row, column, down, across,
                                                  depth, sum);
    } else if (down > 0 && across > 0) {
      multiply_panels<P, T, PanelA, PanelB, false>(panel_a, panel_b, row, column, down, across,
                                                   depth, sum);
    }
  }
  wait_for_copies<0>();
  __syncthreads();

  // Lane 4 g + t has columns 2 t and 2 t + 1 of rows g and g + 8.
  const int thread = thread_again(), lane = thread % 32, place = thread / 32;
  float* sums = shared_memory + (place % T::kWarpsDown * 16 * T::kDown + lane / 4) * T::kSumStep +
                place / T::kWarpsDown * 8 * T::kAcross + lane % 4 * 2;
#pragma unroll
  for (int i = 0; i < T::kDown; ++i) {
#pragma unroll
    for (int j = 0; j < T::kAcross; ++j) {
      float* to = sums + 16 * i * T::kSumStep + 8 * j;
      store_2(to, sum[i][j][0], sum[i][j][1]);
      store_2(to + 8 * T::kSumStep, sum[i][j][2], sum[i][j][3]);
    }
  }
  __syncthreads();
  Finish finish = x.finish;
  finish.c += int64_t{at.range} * x.m * x.n;
  finish.template store_tile<T::kRows, T::kColumns, T::kSumStep, T::kThreads>(
      shared_memory, part.row, part.column);
}

template <class P, class T, bool kTransposeA, bool kTransposeB>
__global__ __launch_bounds__(T::kThreads, T::kBlocks) void multiply_tensor_kernel(const Product x) {
  multiply_tensor_tile<P, T, kTransposeA, kTransposeB>(x, place_in_grid());
}

template <class P, class T>
__global__ __launch_bounds__(T::kThreads, T::kBlocks) void multiply_tensor_group_kernel(
    const __grid_constant__ Group group) {
  const int product = group.product();
  // By reference into the parameters: a copy would be in registers, too many of them.
  multiply_tensor_tile<P, T, Group::kTransposeA, Group::kTransposeB>(group.products[product],
                                                                     group.place(product));
}

template <class P, class T, bool kTransposeA, bool kTransposeB>
void launch_tensor(const Product& x, cudaStream_t stream) {
  const auto kernel = multiply_tensor_kernel<P, T, kTransposeA, kTransposeB>;
  constexpr int kBytes = TensorLayout<T, kTransposeA, kTransposeB>::kBytes;
  check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kBytes),
        "multiply_tensor_kernel");
  static_assert(T::kRows == T::kColumns);
  kernel<<<grid_of(x, T::kRows), T::kThreads, kBytes, stream>>>(x);
  check_launch("multiply_tensor_kernel");
}

template <class P, class T>
void launch_tensor(const Product& x, cudaStream_t stream) {
  if (x.transpose_a) {
    if (x.transpose_b) return launch_tensor<P, T, true, true>(x, stream);
    return launch_tensor<P, T, true, false>(x, stream);
  }
  if (x.transpose_b) return launch_tensor<P, T, false, true>(x, stream);
  return launch_tensor<P, T, false, false>(x, stream);
}

template <class P, class T>
void launch_tensor(Group& group, cudaStream_t stream) {
  const auto kernel = multiply_tensor_group_kernel<P, T>;
  constexpr int kBytes = TensorLayout<T, Group::kTransposeA, Group::kTransposeB>::kBytes;
  check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kBytes),
        "multiply_tensor_group_kernel");
  kernel<<<lay_out(group, T::kRows), T::kThreads, kBytes, stream>>>(group);
  check_launch("multiply_tensor_group_kernel");
}

template <class P>
void multiply_tensor(const Product& x, GemmTile tile, cudaStream_t stream) {
  if (wants_large_tile(x, tile)) return launch_tensor<P, LargeTensorTile>(x, stream);
  launch_tensor<P, SmallTensorTile>(x, stream);
}

template <class P>
void multiply_tensor_group(Group& group, GemmTile tile, cudaStream_t stream) {
  if (wants_large_tile(group, tile)) return launch_tensor<P, LargeTensorTile>(group, stream);
  launch_tensor<P, SmallTensorTile>(group, stream);
}

}  // namespace
}  // namespace burin::cuda::detail
