#include "tests/kernels/cuda/curand_words.h"

#include <stdexcept>

#include "kernels/common/cuda_launch.cuh"

#if __has_include(<curand_kernel.h>)
#include <curand_kernel.h>
#define BURIN_HAS_CURAND 1
#else
#define BURIN_HAS_CURAND 0
#endif

namespace burin::test {

#if BURIN_HAS_CURAND
namespace {

__device__ void store(uint32_t* to, const uint4& words) {
  to[0] = words.x, to[1] = words.y, to[2] = words.z, to[3] = words.w;
}

__global__ void curand_sequence_kernel(const CurandPlace* places /* [count] */, int64_t count,
                                       int draws, uint32_t* words /* [count, draws, 4] */) {
  const int64_t i = cuda::grid_thread();
  if (i >= count) return;
  curandStatePhilox4_32_10_t state;
  curand_init(places[i].seed, places[i].subsequence, places[i].offset, &state);
  for (int draw = 0; draw < draws; ++draw) store(words + (i * draws + draw) * 4, curand4(&state));
}

__global__ void curand_blocks_kernel(const uint32_t* counters /* [count, 6] */, int64_t count,
                                     uint32_t* words /* [count, 4] */) {
  const int64_t i = cuda::grid_thread();
  if (i >= count) return;
  const uint32_t* c = counters + 6 * i;
  store(words + 4 * i,
        curand_Philox4x32_10(make_uint4(c[0], c[1], c[2], c[3]), make_uint2(c[4], c[5])));
}

}  // namespace

bool has_curand() {
  return true;
}

void curand_sequence(const CurandPlace* places, int64_t count, int draws, uint32_t* words) {
  curand_sequence_kernel<<<cuda::blocks_for(count), cuda::kThreads>>>(places, count, draws, words);
  cuda::check_launch("curand_sequence_kernel");
}

void curand_blocks(const uint32_t* counters, int64_t count, uint32_t* words) {
  curand_blocks_kernel<<<cuda::blocks_for(count), cuda::kThreads>>>(counters, count, words);
  cuda::check_launch("curand_blocks_kernel");
}

#else

bool has_curand() {
  return false;
}

void curand_sequence(const CurandPlace*, int64_t, int, uint32_t*) {
  throw std::logic_error("built without the headers of cuRAND");
}

void curand_blocks(const uint32_t*, int64_t, uint32_t*) {
  throw std::logic_error("built without the headers of cuRAND");
}

#endif

}  // namespace burin::test
