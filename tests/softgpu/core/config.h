// Settings, from the environment. tools/softgpu sets them.
#pragma once

#include <cstdint>
#include <string>

namespace burin::softgpu {

struct Config {
  bool memcheck = false, racecheck = false, initcheck = false, synccheck = false;
  std::string
      counters;  // file for the counters as JSON; empty: none; "-": counted, for those who ask
  bool shuffle = false;  // order of threads and blocks by `seed`
  uint64_t seed = 0;
  uint64_t memory = 8ull << 30;  // bytes that cudaMalloc gives at most
  std::string cache;             // folder of the compiled kernels
  std::string compiler = "c++";
  double hang_seconds = 60;  // loops run for this long and no thread comes to its end: a hang
  int exit_code = 0;         // of a process with findings; 0 leaves the process's own
  int processors = 16;       // multiprocessors that the device claims to have

  int state_mask() const { return (memcheck ? 1 : 0) | (initcheck ? 2 : 0); }
  bool counting() const { return !counters.empty(); }
};

// Read once. Unknown words in SOFTGPU_CHECK are an error: the process ends.
const Config& config();

}  // namespace burin::softgpu
