#include "kernels/common/cuda_vector.cuh"
#include "kernels/gather/gather.h"

namespace burin::cuda {
namespace {

__global__ void batch_indices_kernel(int64_t count, int64_t batch, RandomKey key,
                                     int32_t* indices /* [batch] */) {
  const uint64_t step = step_of(key);
  const auto steps_per_epoch = static_cast<uint64_t>(count / batch);
  const Shuffle shuffle = make_shuffle(key.seed, key.stream, step / steps_per_epoch, count);
  const int64_t first = static_cast<int64_t>(step % steps_per_epoch) * batch;
  for (int64_t r = grid_thread(); r < batch; r += grid_threads()) {
    indices[r] = shuffled(shuffle, first + r);
  }
}

struct Pixels {
  uint8_t v[4];
};

// Those of output elements i to i + 3, the ones that exist. `vectors`: a row holds whole quads that
// begin on 4-byte borders.
__device__ Pixels load_pixels(const uint8_t* images /* [count, cols] */,
                              const int32_t* indices /* [rows] or null */, int64_t cols, int64_t i,
                              int64_t n, bool vectors) {
  int64_t row = i / cols;
  int64_t column = i - row * cols;
  int64_t source = indices == nullptr ? row : indices[row];
  if (vectors) {
    const uchar4 p = *reinterpret_cast<const uchar4*>(images + source * cols + column);
    return {{p.x, p.y, p.z, p.w}};
  }
  Pixels pixels{};
#pragma unroll
  for (int k = 0; k < 4; ++k) {
    if (i + k >= n) break;
    if (column == cols) {
      column = 0;
      ++row;
      source = indices == nullptr ? row : indices[row];
    }
    pixels.v[k] = images[source * cols + column];
    ++column;
  }
  return pixels;
}

__global__ void gather_scale_kernel(const uint8_t* images /* [count, cols] */,
                                    const int32_t* indices /* [rows] or null */, int64_t n,
                                    int64_t cols, bool vectors, float scale, float shift,
                                    float* out /* [rows, cols], n elements */) {
  for (int64_t i = 4 * grid_thread(); i < n; i += 4 * grid_threads()) {
    const Pixels pixels = load_pixels(images, indices, cols, i, n, vectors);
    const auto convert = [=](uint8_t byte) { return scale_byte(byte, scale, shift); };
    store_quad(out + i, map(Width<4>{}, convert, pixels), n - i, vectors);
  }
}

__global__ void gather_binarize_kernel(const uint8_t* images /* [count, cols] */,
                                       const int32_t* indices /* [rows] or null */, int64_t n,
                                       int64_t cols, bool vectors, RandomKey key,
                                       float* out /* [rows, cols], n elements */) {
  const uint64_t step = step_of(key);
  for (int64_t i = 4 * grid_thread(); i < n; i += 4 * grid_threads()) {
    const Pixels pixels = load_pixels(images, indices, cols, i, n, vectors);
    const PhiloxWords words =
        random_block(key.seed, key.stream, step, static_cast<uint32_t>(i / 4));
    Lanes<4> drawn;
#pragma unroll
    for (int k = 0; k < 4; ++k) drawn.v[k] = binarize(pixels.v[k], words.word[k]);
    store_quad(out + i, drawn, n - i, vectors);
  }
}

__global__ void gather_labels_kernel(const uint8_t* labels /* [count] */,
                                     const int32_t* indices /* [rows] or null */, int64_t rows,
                                     int32_t* out /* [rows] */) {
  for (int64_t r = grid_thread(); r < rows; r += grid_threads()) {
    out[r] = labels[indices == nullptr ? r : indices[r]];
  }
}

bool whole_quads(const uint8_t* images, int64_t cols, const float* out) {
  return cols % 4 == 0 && misalignment(images) % 4 == 0 && aligned(out);
}

}  // namespace

void batch_indices(int64_t count, int64_t batch, RandomKey key, int32_t* indices, Stream stream) {
  batch_indices_kernel<<<blocks_for(batch), kThreads, 0, stream_of(stream)>>>(count, batch, key,
                                                                              indices);
  check_launch("batch_indices_kernel");
}

void gather_scale(const uint8_t* images, const int32_t* indices, int64_t rows, int64_t cols,
                  float scale, float shift, float* out, Stream stream) {
  const int64_t n = rows * cols;
  if (n == 0) return;
  gather_scale_kernel<<<blocks_for((n + 3) / 4), kThreads, 0, stream_of(stream)>>>(
      images, indices, n, cols, whole_quads(images, cols, out), scale, shift, out);
  check_launch("gather_scale_kernel");
}

void gather_binarize(const uint8_t* images, const int32_t* indices, int64_t rows, int64_t cols,
                     RandomKey key, float* out, Stream stream) {
  const int64_t n = rows * cols;
  if (n == 0) return;
  gather_binarize_kernel<<<blocks_for((n + 3) / 4), kThreads, 0, stream_of(stream)>>>(
      images, indices, n, cols, whole_quads(images, cols, out), key, out);
  check_launch("gather_binarize_kernel");
}

void gather_labels(const uint8_t* labels, const int32_t* indices, int64_t rows, int32_t* out,
                   Stream stream) {
  if (rows == 0) return;
  gather_labels_kernel<<<blocks_for(rows), kThreads, 0, stream_of(stream)>>>(labels, indices, rows,
                                                                             out);
  check_launch("gather_labels_kernel");
}

}  // namespace burin::cuda
