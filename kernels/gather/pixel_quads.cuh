// Pixels of chosen rows as floats, for the CUDA twins that make batches. `source(r)` is the data
// set's row that is row r of the output. The first `blocks` blocks of the grid, of kThreads, take
// part, each with all its threads. Only .cu files include it.
#pragma once

#include "kernels/common/cuda_vector.cuh"
#include "kernels/gather/gather.h"

namespace burin::cuda {

struct Pixels {
  uint8_t v[4];
};

// Output elements that a block takes at a time: a quad a thread.
inline constexpr int kPixelTile = 4 * kThreads;

// The rows that a tile of the output comes from: found once a block and not once a warp.
struct RowsOfTile {
  int64_t first;
  int32_t source[kPixelTile + 1];
};

// All threads of the block call it. n: elements of the output.
template <class Source>
__device__ void find_rows(RowsOfTile& rows, const Source& source, int64_t cols, int64_t begin,
                          int64_t n) {
  const int64_t end = begin + kPixelTile < n ? begin + kPixelTile : n;
  const int64_t first = begin / cols, last = (end - 1) / cols;
  __syncthreads();  // the tile before is done
  if (threadIdx.x == 0) rows.first = first;
  for (int64_t r = threadIdx.x; first + r <= last; r += kThreads) {
    rows.source[r] = source(first + r);
  }
  __syncthreads();
}

// Those of output elements i to i + 3, the ones that exist. `vectors`: a row holds whole quads that
// begin on 4-byte borders.
__device__ inline Pixels load_pixels(const uint8_t* images /* [count, cols] */,
                                     const RowsOfTile& rows, int64_t cols, int64_t i, int64_t n,
                                     bool vectors) {
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
template <class Source, class Body>
__device__ void for_each_pixel_quad(const uint8_t* images /* [count, cols] */, const Source& source,
                                    int64_t n, int64_t cols, bool vectors, unsigned blocks,
                                    const Body& body) {
  __shared__ RowsOfTile rows;
  for (int64_t tile = int64_t{blockIdx.x} * kPixelTile; tile < n;
       tile += int64_t{blocks} * kPixelTile) {
    find_rows(rows, source, cols, tile, n);
    const int64_t i = tile + 4 * static_cast<int64_t>(threadIdx.x);
    if (i < n) body(i, load_pixels(images, rows, cols, i, n, vectors));
  }
}

// out[n] = scale_byte of the pixels.
template <class Source>
__device__ void scale_pixels(const uint8_t* images /* [count, cols] */, const Source& source,
                             int64_t n, int64_t cols, bool vectors, unsigned blocks, float scale,
                             float shift, float* out /* [rows, cols], n elements */) {
  const auto convert = [=](uint8_t byte) { return scale_byte(byte, scale, shift); };
  for_each_pixel_quad(images, source, n, cols, vectors, blocks,
                      [=](int64_t i, const Pixels& pixels) {
                        store_quad(out + i, map(Width<4>{}, convert, pixels), n - i, vectors);
                      });
}

// out[n] = binarize of the pixels. `step` is the key's step, read once.
template <class Source>
__device__ void binarize_pixels(const uint8_t* images /* [count, cols] */, const Source& source,
                                int64_t n, int64_t cols, bool vectors, unsigned blocks,
                                const RandomKey& key, uint64_t step,
                                float* out /* [rows, cols], n elements */) {
  for_each_pixel_quad(images, source, n, cols, vectors, blocks,
                      [&](int64_t i, const Pixels& pixels) {
                        const PhiloxWords words =
                            random_block(key.seed, key.stream, step, static_cast<uint32_t>(i / 4));
                        Lanes<4> drawn;
#pragma unroll
                        for (int k = 0; k < 4; ++k)
                          drawn.v[k] = binarize(pixels.v[k], words.word[k]);
                        store_quad(out + i, drawn, n - i, vectors);
                      });
}

// What `vectors` asks of the buffers.
inline bool whole_quads(const uint8_t* images, int64_t cols, const float* out) {
  return cols % 4 == 0 && misalignment(images) % 4 == 0 && aligned(out);
}

}  // namespace burin::cuda
