#include "kernels/gather/gather.h"

#include "kernels/common/parallel.h"
#include "kernels/common/simd.h"
#include "kernels/gather/pixel_pieces.h"

namespace burin::cpu {
namespace {

struct IndexedRows {
  const int32_t* indices;  // [rows] or null
  int32_t operator()(int64_t r) const {
    return indices == nullptr ? static_cast<int32_t>(r) : indices[r];
  }
};

BURIN_SIMD_CLONES
void scale_range(const uint8_t* images, IndexedRows rows, int64_t cols, int64_t begin, int64_t end,
                 float scale, float shift, float* out) {
  scale_pixels(images, rows, cols, begin, end, scale, shift, out);
}

BURIN_SIMD_CLONES
void binarize_range(const uint8_t* images, IndexedRows rows, int64_t cols, int64_t begin,
                    int64_t end, PhiloxPosition position, float* out) {
  binarize_pixels(images, rows, cols, begin, end, position, out);
}

}  // namespace

void batch_indices(int64_t count, int64_t batch, RandomKey key, int32_t* indices, Stream) {
  const BatchOrder order = batch_order(key, step_of(key), count, batch);
  for (int64_t r = 0; r < batch; ++r) indices[r] = batch_index(order, r);
}

void gather_scale(const uint8_t* images, const int32_t* indices, int64_t rows, int64_t cols,
                  float scale, float shift, float* out, Stream) {
  if (cols == 0) return;
  parallel_for(rows * cols, kPixelGrain, [=](int64_t begin, int64_t end) {
    scale_range(images, {indices}, cols, begin, end, scale, shift, out);
  });
}

void gather_binarize(const uint8_t* images, const int32_t* indices, int64_t rows, int64_t cols,
                     RandomKey key, float* out, Stream) {
  if (cols == 0) return;
  const PhiloxPosition position = position_of(key);
  parallel_for(rows * cols, kPixelGrain, [=](int64_t begin, int64_t end) {
    binarize_range(images, {indices}, cols, begin, end, position, out);
  });
}

void gather_labels(const uint8_t* labels, const int32_t* indices, int64_t rows, int32_t* out,
                   Stream) {
  for (int64_t r = 0; r < rows; ++r) out[r] = labels[indices == nullptr ? r : indices[r]];
}

}  // namespace burin::cpu
