#include <cmath>
#include <type_traits>

#include "kernels/bce_logits/bce_logits.h"
#include "kernels/common/cuda_reduce.cuh"
#include "kernels/common/cuda_vector.cuh"
#include "kernels/l1_activity/l1_activity.h"
#include "kernels/logistic_loss/logistic_loss.h"

namespace burin::cuda {
namespace {

constexpr int kLanes = 32;
constexpr int kWarps = kThreads / kLanes;  // a block: as many rows at a time

// The arguments of the launcher, by value.
struct Arguments {
  LogisticLayer layer;
  float scale, l1_scale;
  float* logits;    // [rows]
  float* d_logits;  // [rows] or null
  float* d_x;       // [rows, k] or null
  // What the product of an element of d_x is added to. With k = 1 gemm takes 32 chains, and the
  // others' +0 takes the sign from a zero; else nothing: -0.
  float other_chains;
};

// A warp takes a row. Its lanes are the 32 interleaved chains of gemm's contract, so a lane's terms
// of the sum are 32 apart, and a warp reads 128 contiguous bytes an instruction. Added by halves;
// every lane gets the sum.
__device__ float sum_of_chains(float chain) {
#pragma unroll
  for (int half = kLanes / 2; half > 0; half /= 2) {
    chain += __shfl_xor_sync(0xffffffffu, chain, half);
  }
  return chain;
}

// Logit and loss of a row: returns d_logit to every lane; lane 0 stores, and adds to `loss`.
__device__ float finish_row(const Arguments& a, int64_t row, float logit, float target,
                            double& loss) {
  const float e = math::exp(logit < 0.0f ? logit : -logit);
  float d_logit = a.scale * bce_logits_derivative(logit, target, e);
  if (a.l1_scale != 0.0f) d_logit = a.l1_scale * sign(logit) + d_logit;
  if (threadIdx.x % kLanes == 0) {
    loss += static_cast<double>(bce_logits_value(logit, target, e));
    a.logits[row] = logit;
    if (a.d_logits != nullptr) a.d_logits[row] = d_logit;
  }
  return d_logit;
}

// An element of d_x. Its product is gemm's sum of one term, which begins at +0.
template <Activation kActivation>
__device__ float input_gradient(const Arguments& a, float d_logit, float w, float x) {
  const float sum = std::fma(d_logit, w, 0.0f) + a.other_chains;
  return sum * activation_derivative(kActivation, x, a.layer.slope);
}

// f(the activation as a type), so that loops do not ask for it again and again.
template <class F>
__device__ void with_constant(Activation activation, const F& f) {
  switch (activation) {
    case Activation::leaky_relu:
      return f(std::integral_constant<Activation, Activation::leaky_relu>{});
    case Activation::sigmoid:
      return f(std::integral_constant<Activation, Activation::sigmoid>{});
    case Activation::tanh:
      return f(std::integral_constant<Activation, Activation::tanh>{});
    case Activation::none:
      return f(std::integral_constant<Activation, Activation::none>{});
  }
}

// Of the kernel's last block, thread 0: the loss.
__device__ void finish_loss(double mine, float scale, float* loss, const Workspace& workspace) {
  double total = 0.0;
  if (grid_sum(mine, workspace, &total)) {
    *loss = static_cast<float>(static_cast<double>(scale) * total);
  }
}

// k <= 32 kSteps. A row stays in registers from its logit to its gradient; w is read once a block.
template <int kSteps>
__global__ void __launch_bounds__(kThreads)
    logistic_loss_kernel(const Arguments a, float* loss /* [1] */, Workspace workspace) {
  __shared__ float w[kSteps * kLanes];
  __shared__ float bias;
  const LogisticLayer& layer = a.layer;
  const int k = static_cast<int>(layer.k);
  const int thread = static_cast<int>(threadIdx.x), lane = thread % kLanes;
  float x[kSteps];
  float target = 0.0f;
  // A lane without a term has -0 times the 0 that w is filled up with: it leaves its chain as it
  // is.
  const auto load_row = [&](int64_t row) {
    if (row >= layer.rows) return;
    const float* from = layer.x + row * k;
#pragma unroll
    for (int i = 0; i < kSteps; ++i) {
      const int p = lane + i * kLanes;
      x[i] = p < k ? from[p] : -0.0f;
    }
    target = layer.targets[row];
  };

  int64_t row = int64_t{blockIdx.x} * kWarps + thread / kLanes;
  load_row(row);         // on its way while w is
  if (layer.rows > 0) {  // else there may be no w
    for (int p = thread; p < kSteps * kLanes; p += kThreads) w[p] = p < k ? layer.w[p] : 0.0f;
    if (thread == 0) bias = *layer.bias;
  }
  __syncthreads();

  double mine = 0.0;
  while (row < layer.rows) {
    float chain = 0.0f;
#pragma unroll
    for (int i = 0; i < kSteps; ++i) chain = std::fma(x[i], w[lane + i * kLanes], chain);
    const float d_logit = finish_row(a, row, sum_of_chains(chain) + bias, target, mine);
    if (a.d_x != nullptr) {
      float* to = a.d_x + row * k;
      with_constant(layer.activation, [&](auto activation) {
#pragma unroll
        for (int i = 0; i < kSteps; ++i) {
          const int p = lane + i * kLanes;
          if (p < k) to[p] = input_gradient<activation.value>(a, d_logit, w[p], x[i]);
        }
      });
    }
    row += int64_t{gridDim.x} * kWarps;
    load_row(row);
  }
  finish_loss(mine, a.scale, loss, workspace);
}

// Any k. A row is read once for its logit and again, from the caches, for its gradient: four
// elements at a time then, if `vectors`.
__global__ void __launch_bounds__(kThreads)
    logistic_loss_long_kernel(const Arguments a, bool vectors, float* loss /* [1] */,
                              Workspace workspace) {
  const LogisticLayer& layer = a.layer;
  const int64_t k = layer.k;
  const int lane = static_cast<int>(threadIdx.x) % kLanes;
  double mine = 0.0;
  for (int64_t row = int64_t{blockIdx.x} * kWarps + threadIdx.x / kLanes; row < layer.rows;
       row += int64_t{gridDim.x} * kWarps) {
    const float* x = layer.x + row * k;
    const float target = layer.targets[row];
    float chain = 0.0f;
#pragma unroll 8
    for (int64_t p = lane; p < k; p += kLanes) chain = std::fma(x[p], layer.w[p], chain);
    const float d_logit = finish_row(a, row, sum_of_chains(chain) + *layer.bias, target, mine);
    if (a.d_x == nullptr) continue;
    float* to = a.d_x + row * k;
    with_constant(layer.activation, [&](auto activation) {
      const auto derive = [&](int64_t p, auto width) {
        const auto gradient = [&](float w, float v) {
          return input_gradient<activation.value>(a, d_logit, w, v);
        };
        store(to + p, map(width, gradient, load(layer.w + p, width), load(x + p, width)));
      };
      if (vectors) {
#pragma unroll 1  // unrolled, nvcc makes single floats of some stores
        for (int64_t p = 4 * lane; p < k; p += 4 * kLanes) derive(p, Width<4>{});
      } else {
        for (int64_t p = lane; p < k; p += kLanes) derive(p, Width<1>{});
      }
    });
  }
  finish_loss(mine, a.scale, loss, workspace);
}

}  // namespace

void logistic_loss(const LogisticLayer& layer, float scale, float l1_scale, float* logits,
                   float* loss, float* d_logits, float* d_x, Stream stream) {
  const float other_chains = layer.k == 1 ? 0.0f : -0.0f;
  const Arguments a{layer, scale, l1_scale, logits, d_logits, d_x, other_chains};
  const unsigned blocks = blocks_for(layer.rows * kLanes, kMaxSumBlocks);
  const cudaStream_t queue = stream_of(stream);
  const Workspace workspace = workspace_of(stream);
  if (layer.k <= 8 * kLanes) {
    logistic_loss_kernel<8><<<blocks, kThreads, 0, queue>>>(a, loss, workspace);
  } else if (layer.k <= 32 * kLanes) {
    logistic_loss_kernel<32><<<blocks, kThreads, 0, queue>>>(a, loss, workspace);
  } else {
    const bool vectors = aligned(layer.x) && aligned(layer.w) && aligned(d_x) && layer.k % 4 == 0;
    logistic_loss_long_kernel<<<blocks, kThreads, 0, queue>>>(a, vectors, loss, workspace);
  }
  check_launch("logistic_loss_kernel");
}

}  // namespace burin::cuda
