#include "kernels/common/cuda_random.cuh"
#include "kernels/common/cuda_vector.cuh"
#include "kernels/gather/gather.h"

namespace burin::cuda {
namespace {

__global__ void batch_indices_kernel(int64_t count, int64_t batch, RandomKey key,
                                     int32_t* indices /* [batch] */) {
  const uint64_t step = block_step(key);
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

// Output elements that a block takes at a time: a quad a thread.
constexpr int kTile = 4 * kThreads;

// The rows that a tile of the output comes from: read once a block and not once a warp.
struct RowsOfTile {
  int64_t first;
  int32_t source[kTile + 1];
};

// All threads of the block call it. n: elements of the output.
__device__ void find_rows(RowsOfTile& rows, const int32_t* indices /* [rows] or null */,
                          int64_t cols, int64_t begin, int64_t n) {
  const int64_t end = begin + kTile < n ? begin + kTile : n;
  const int64_t first = begin / cols, last = (end - 1) / cols;
  __syncthreads();  // the tile before is done
  if (threadIdx.x == 0) rows.first = first;
  for (int64_t r = threadIdx.x; first + r <= last; r += kThreads) {
    rows.source[r] = indices == nullptr ? static_cast<int32_t>(first + r) : indices[first + r];
  }
  __syncthreads();
}

// Those of output elements i to i + 3, the ones that exist. `vectors`: a row holds whole quads that
// begin on 4-byte borders.
__device__ Pixels load_pixels(const uint8_t* images /* [count, cols] */, const RowsOfTile& rows,
                              int64_t cols, int64_t i, int64_t n, bool vectors) {
  int64_t row = i / cols;
  int64_t column = i - row * cols;
  row -= rows.first;
  if (vectors) {
    const uint8_t* from = images + int64_t{rows.source[row]} * cols + column;
    const uchar4 p = *reinterpret_cast<const uchar4*>(from);
    return {{p.x, p.y, p.z, p.w}};
  }
  Pixels pixels{};
#pragma unroll
  for (int k = 0; k < 4; ++k) {
    if (i + k >= n) break;
    if (column == cols) {
      column = 0;
      ++row;
    }
    pixels.v[k] = images[int64_t{rows.source[row]} * cols + column];
    ++column;
  }
  return pixels;
}

// body(i, pixels) for each quad of the n output elements.
template <class Body>
__device__ void for_each_pixel_quad(const uint8_t* images /* [count, cols] */,
                                    const int32_t* indices /* [rows] or null */, int64_t n,
                                    int64_t cols, bool vectors, const Body& body) {
  __shared__ RowsOfTile rows;
  for (int64_t tile = int64_t{blockIdx.x} * kTile; tile < n; tile += int64_t{gridDim.x} * kTile) {
    find_rows(rows, indices, cols, tile, n);
    const int64_t i = tile + 4 * static_cast<int64_t>(threadIdx.x);
    if (i < n) body(i, load_pixels(images, rows, cols, i, n, vectors));
  }
}

__global__ void gather_scale_kernel(const uint8_t* images /* [count, cols] */,
                                    const int32_t* indices /* [rows] or null */, int64_t n,
                                    int64_t cols, bool vectors, float scale, float shift,
                                    float* out /* [rows, cols], n elements */) {
  const auto convert = [=](uint8_t byte) { return scale_byte(byte, scale, shift); };
  for_each_pixel_quad(images, indices, n, cols, vectors, [=](int64_t i, const Pixels& pixels) {
    store_quad(out + i, map(Width<4>{}, convert, pixels), n - i, vectors);
  });
}

__global__ void gather_binarize_kernel(const uint8_t* images /* [count, cols] */,
                                       const int32_t* indices /* [rows] or null */, int64_t n,
                                       int64_t cols, bool vectors, RandomKey key,
                                       float* out /* [rows, cols], n elements */) {
  const uint64_t step = block_step(key);
  for_each_pixel_quad(images, indices, n, cols, vectors, [=](int64_t i, const Pixels& pixels) {
    const PhiloxWords words =
        random_block(key.seed, key.stream, step, static_cast<uint32_t>(i / 4));
    Lanes<4> drawn;
#pragma unroll
    for (int k = 0; k < 4; ++k) drawn.v[k] = binarize(pixels.v[k], words.word[k]);
    store_quad(out + i, drawn, n - i, vectors);
  });
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
