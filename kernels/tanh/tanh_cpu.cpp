#include "kernels/common/parallel.h"
#include "kernels/common/simd.h"
#include "kernels/tanh/tanh.h"

namespace burin::cpu {
namespace {

// An exponential and a division an element.
constexpr int64_t kForwardGrain = kElementwiseGrain / 4;

BURIN_SIMD_CLONES
void forward_range(const float* x, float* y, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) y[i] = math::tanh(x[i]);
}

BURIN_SIMD_CLONES
void backward_range(const float* y, const float* d_y, float* d_x, int64_t begin, int64_t end,
                    bool accumulate) {
  if (accumulate) {
    for (int64_t i = begin; i < end; ++i) d_x[i] += d_y[i] * tanh_derivative(y[i]);
  } else {
    for (int64_t i = begin; i < end; ++i) d_x[i] = d_y[i] * tanh_derivative(y[i]);
  }
}

}  // namespace

void tanh_forward(const float* x, float* y, int64_t n, Stream) {
  parallel_for(n, kForwardGrain,
               [=](int64_t begin, int64_t end) { forward_range(x, y, begin, end); });
}

void tanh_backward(const float* y, const float* d_y, float* d_x, int64_t n, bool accumulate,
                   Stream) {
  parallel_for(n, kElementwiseGrain, [=](int64_t begin, int64_t end) {
    backward_range(y, d_y, d_x, begin, end, accumulate);
  });
}

}  // namespace burin::cpu
