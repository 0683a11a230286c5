// Threads for the CPU twins.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>

namespace burin::cpu {

// Elements a chunk of cheap elementwise work: about 10 us, well above the cost of waking a thread.
inline constexpr int64_t kElementwiseGrain = 32768;

// The most threads that parallel_for may use, the caller's included. Starts at 1. set_threads(0)
// means one for each processor that the process may run on. Results never depend on it. Not to be
// called while a parallel_for runs.
void set_threads(int threads);
int threads();

// Processors that this process may run on, at least 1.
int available_processors();

namespace detail {
using ChunkFunction = void (*)(const void* body, int64_t begin, int64_t end);
void run_chunks(int64_t count, int64_t grain, ChunkFunction function, const void* body);
}  // namespace detail

// Calls body(begin, end) for [0, grain), [grain, 2 * grain), ... up to `count`, each chunk exactly
// once, on any thread, in any order; returns when all are done. Chunk borders depend on `count` and
// `grain` alone, so a body that writes only to its own chunk gives the same bits for any number of
// threads. Allocates nothing. `body` must not throw. A parallel_for inside a body runs in that
// body's thread.
template <class Body>
void parallel_for(int64_t count, int64_t grain, const Body& body) {
  detail::run_chunks(
      count, grain,
      [](const void* b, int64_t begin, int64_t end) { (*static_cast<const Body*>(b))(begin, end); },
      &body);
}

}  // namespace burin::cpu
