#include "kernels/batch/batch.h"

#include "kernels/common/parallel.h"
#include "kernels/common/simd.h"
#include "kernels/gather/pixel_pieces.h"
#include "kernels/random_fill/random_fill.h"

namespace burin::cpu {
namespace {

// The rows of a batch, each found when it is come to.
class BatchRows {
 public:
  explicit BatchRows(const BatchOrder& order) : order_(order) {}
  int32_t operator()(int64_t r) {
    if (r != row_) {
      row_ = r;
      source_ = batch_index(order_, r);
    }
    return source_;
  }

 private:
  const BatchOrder& order_;
  int64_t row_ = -1;
  int32_t source_ = 0;  // of row_
};

BURIN_SIMD_CLONES
void scale_range(const uint8_t* images, const BatchOrder& order, int64_t cols, int64_t begin,
                 int64_t end, float scale, float shift, float* out) {
  scale_pixels(images, BatchRows(order), cols, begin, end, scale, shift, out);
}

BURIN_SIMD_CLONES
void binarize_range(const uint8_t* images, const BatchOrder& order, int64_t cols, int64_t begin,
                    int64_t end, PhiloxPosition position, float* out) {
  binarize_pixels(images, BatchRows(order), cols, begin, end, position, out);
}

}  // namespace

void batch_scale(const uint8_t* images, int64_t count, int64_t batch, int64_t cols, RandomKey order,
                 float scale, float shift, float* out, const BatchNoise& noise, Stream stream) {
  if (cols > 0) {
    const BatchOrder rows = batch_order(order, step_of(order), count, batch);
    parallel_for(batch * cols, kPixelGrain, [&](int64_t begin, int64_t end) {
      scale_range(images, rows, cols, begin, end, scale, shift, out);
    });
  }
  if (noise.z != nullptr) {
    random_normal(noise.z, noise.n, 1.0f, noise.first, stream);
    if (noise.halves == 2) {
      random_normal(noise.z + noise.n, noise.n, 1.0f, noise.second, stream);
    }
  }
}

void batch_binarize(const uint8_t* images, int64_t count, int64_t batch, int64_t cols,
                    RandomKey order, RandomKey key, float* out, Stream) {
  if (cols == 0) return;
  const BatchOrder rows = batch_order(order, step_of(order), count, batch);
  const PhiloxPosition position = position_of(key);
  parallel_for(batch * cols, kPixelGrain, [&](int64_t begin, int64_t end) {
    binarize_range(images, rows, cols, begin, end, position, out);
  });
}

}  // namespace burin::cpu
