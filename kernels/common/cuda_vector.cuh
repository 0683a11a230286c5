// Memory access four floats at a time: 16 bytes a thread and instruction, where addresses allow it.
// Only .cu files include it.
#pragma once

#include <cstdint>

#include "kernels/common/cuda_launch.cuh"

namespace burin::cuda {

// How many neighbouring floats a thread takes at once: a type, so that loops over them unroll.
template <int kCount>
struct Width {
  static constexpr int kValue = kCount;
};

template <int kCount>
struct Lanes {
  float v[kCount];
};

__device__ inline Lanes<1> load(const float* p, Width<1>) {
  return {{*p}};
}
__device__ inline Lanes<4> load(const float* p, Width<4>) {  // p on a 16-byte border
  const float4 q = *reinterpret_cast<const float4*>(p);
  return {{q.x, q.y, q.z, q.w}};
}
__device__ inline void store(float* p, const Lanes<1>& x) {
  *p = x.v[0];
}
__device__ inline void store(float* p, const Lanes<4>& x) {
  *reinterpret_cast<float4*>(p) = make_float4(x.v[0], x.v[1], x.v[2], x.v[3]);
}

// f of each lane.
template <int kCount, class F, class... Inputs>
__device__ Lanes<kCount> map(Width<kCount>, const F& f, const Inputs&... inputs) {
  Lanes<kCount> result;
#pragma unroll
  for (int k = 0; k < kCount; ++k) result.v[k] = f(inputs.v[k]...);
  return result;
}

// p = x, or p += x.
template <int kCount>
__device__ void store_or_add(float* p, const Lanes<kCount>& x, bool accumulate) {
  const Width<kCount> width;
  store(p, accumulate ? map(
                            width, [](float a, float b) { return a + b; }, load(p, width), x)
                      : x);
}

__host__ __device__ inline int64_t misalignment(const void* p) {
  return static_cast<int64_t>(reinterpret_cast<uintptr_t>(p) % 16);
}
__host__ __device__ inline bool aligned(const void* p) {
  return misalignment(p) == 0;
}

// [0, n) as single elements [0, head), then `quads` groups of four that begin on a 16-byte border
// in every buffer, then single elements.
struct Span {
  int64_t n;
  int64_t head;
  int64_t quads;
  int64_t singles() const { return n - 4 * quads; }
};

// Of buffers that are walked together. If they lie differently, every element is a single one.
template <class... Pointers>
Span span_of(int64_t n, const float* first, const Pointers*... others) {
  const int64_t shift = misalignment(first);
  if (((misalignment(others) != shift) || ...)) return {n, 0, 0};
  const int64_t head = (16 - shift) % 16 / 4;
  return n < head + 4 ? Span{n, 0, 0} : Span{n, head, (n - head) / 4};
}

inline unsigned blocks_for(const Span& span) {
  return blocks_for(span.quads > 0 ? span.quads : span.n);
}

// body(i, width) for each group of the span, the grid's threads side by side. A body loads all that
// it reads at [i, i + width) before it stores, so that output may be input.
template <class Body>
__device__ void for_each_group(const Span& span, const Body& body) {
  const int64_t stride = grid_threads();
  for (int64_t q = grid_thread(); q < span.quads; q += stride) body(span.head + 4 * q, Width<4>{});
  const int64_t singles = span.n - 4 * span.quads;
  for (int64_t s = grid_thread(); s < singles; s += stride) {
    body(s < span.head ? s : s + 4 * span.quads, Width<1>{});
  }
}

// Quad q is elements 4q to 4q + 3, whatever the address. For sums, whose order must not depend on
// where a buffer lies, and for random numbers, of which a Philox block gives four.

// body(i, width), thread `thread` of `threads` walking the quads of [0, n); as single elements, in
// the same order, where `vectors` is false or n ends within the quad.
template <class Body>
__device__ void for_each_quad(int64_t n, bool vectors, int64_t thread, int64_t threads,
                              const Body& body) {
  for (int64_t i = 4 * thread; i < n; i += 4 * threads) {
    if (vectors && i + 4 <= n) {
      body(i, Width<4>{});
    } else {
      const int64_t end = i + 4 < n ? i + 4 : n;
      for (int64_t j = i; j < end; ++j) body(j, Width<1>{});
    }
  }
}

// The elements of a quad that exist, `count` of four; the others are 0.
__device__ inline Lanes<4> load_quad(const float* p, int64_t count, bool vectors) {
  if (vectors && count >= 4) return load(p, Width<4>{});
  Lanes<4> x;
#pragma unroll
  for (int k = 0; k < 4; ++k) x.v[k] = k < count ? p[k] : 0.0f;
  return x;
}
__device__ inline void store_quad(float* p, const Lanes<4>& x, int64_t count, bool vectors) {
  if (vectors && count >= 4) {
    store(p, x);
  } else {
#pragma unroll
    for (int k = 0; k < 4; ++k) {
      if (k < count) p[k] = x.v[k];
    }
  }
}

}  // namespace burin::cuda
