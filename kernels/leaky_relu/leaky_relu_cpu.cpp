#include "kernels/common/parallel.h"
#include "kernels/common/simd.h"
#include "kernels/leaky_relu/leaky_relu.h"

namespace burin::cpu {
namespace {

BURIN_SIMD_CLONES
void forward_range(const float* x, float* y, int64_t begin, int64_t end, float slope) {
  for (int64_t i = begin; i < end; ++i) y[i] = leaky_relu(x[i], slope);
}

BURIN_SIMD_CLONES
void backward_range(const float* y, const float* d_y, float* d_x, int64_t begin, int64_t end,
                    float slope, bool accumulate) {
  if (accumulate) {
    for (int64_t i = begin; i < end; ++i) d_x[i] += d_y[i] * leaky_relu_derivative(y[i], slope);
  } else {
    for (int64_t i = begin; i < end; ++i) d_x[i] = d_y[i] * leaky_relu_derivative(y[i], slope);
  }
}

}  // namespace

void leaky_relu_forward(const float* x, float* y, int64_t n, float slope, Stream) {
  parallel_for(n, kElementwiseGrain,
               [=](int64_t begin, int64_t end) { forward_range(x, y, begin, end, slope); });
}

void leaky_relu_backward(const float* y, const float* d_y, float* d_x, int64_t n, float slope,
                         bool accumulate, Stream) {
  parallel_for(n, kElementwiseGrain, [=](int64_t begin, int64_t end) {
    backward_range(y, d_y, d_x, begin, end, slope, accumulate);
  });
}

}  // namespace burin::cpu
