// The words of NVIDIA's Philox 4x32-10, by the device functions of <curand_kernel.h>.
#pragma once

#include <cstdint>

namespace burin::test {

// Whether the headers of cuRAND were there when the tests were built. If not, the other functions
// throw std::logic_error.
bool has_curand();

// A call of curand_init: what curand4 gives from there on.
struct CurandPlace {
  uint64_t seed, subsequence, offset;
};
// words[count, draws, 4] = for each of places[count] the first `draws` results of curand4. Both in
// device memory.
void curand_sequence(const CurandPlace* places, int64_t count, int draws, uint32_t* words);

// words[count, 4] = curand_Philox4x32_10(counter, key) of counters[count, 6]: four of counter, then
// two of key. Both in device memory.
void curand_blocks(const uint32_t* counters, int64_t count, uint32_t* words);

}  // namespace burin::test
