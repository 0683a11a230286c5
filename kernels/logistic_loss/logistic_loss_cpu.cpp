#include "kernels/logistic_loss/logistic_loss.h"

#include "kernels/bce_logits/bce_logits.h"
#include "kernels/common/parallel.h"
#include "kernels/common/simd.h"
#include "kernels/gemm/gemm.h"
#include "kernels/l1_activity/l1_activity.h"

namespace burin::cpu {
namespace {

// d_logits = l1_scale * sign(logits) + d_logits
BURIN_SIMD_CLONES
void add_to_l1(const float* logits, float* d_logits, int64_t begin, int64_t end, float l1_scale) {
  for (int64_t i = begin; i < end; ++i) d_logits[i] = l1_scale * sign(logits[i]) + d_logits[i];
}

}  // namespace

// A call costs nothing here, and x is still in a cache when d_x is made: the rooms one by one.
void logistic_loss(const LogisticLayer& layer, float scale, float l1_scale, float* logits,
                   float* loss, float* d_logits, float* d_x, Stream stream) {
  const int64_t rows = layer.rows, k = layer.k;
  GemmEpilogue forward;
  forward.bias = layer.bias;
  gemm(false, true, rows, 1, k, layer.x, k, layer.w, k, logits, 1, forward, stream);
  bce_logits(logits, layer.targets, rows, scale, loss, d_logits, stream);
  if (d_logits == nullptr) return;
  if (l1_scale != 0.0f) {
    parallel_for(rows, kElementwiseGrain, [=](int64_t begin, int64_t end) {
      add_to_l1(logits, d_logits, begin, end, l1_scale);
    });
  }
  if (d_x == nullptr) return;
  GemmEpilogue backward;
  backward.activation = layer.activation;
  backward.slope = layer.slope;
  backward.derivative_output = layer.x;
  backward.ld_derivative = k;
  gemm(false, false, rows, k, 1, d_logits, 1, layer.w, k, d_x, k, backward, stream);
}

}  // namespace burin::cpu
