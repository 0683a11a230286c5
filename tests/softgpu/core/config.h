// Settings, from the environment. tools/softgpu sets them.
#pragma once

#include <cstdint>
#include <string>

namespace burin::softgpu {

inline constexpr uint64_t kAllocationStep = 256;  // of an allocation's place and size

struct Config {
  bool memcheck = false, racecheck = false, initcheck = false, synccheck = false;
  std::string
      counters;  // file for the counters as JSON; empty: none; "-": counted, for those who ask
  bool shuffle = false;  // order of threads and blocks by `seed`
  uint64_t seed = 0;
  // Bytes that cudaMalloc gives at most: whole steps, so that all that is free can be had.
  uint64_t memory = 8ull << 30;
  std::string cache;  // folder of the compiled kernels
  std::string compiler = "c++";
  double hang_seconds = 60;  // loops run for this long and no thread comes to its end: a hang
  int exit_code = 0;         // of a process with findings; 0 leaves the process's own
  int processors = 16;       // multiprocessors that the device claims to have
  int devices = 1;           // or 0
  int capability = 80;       // of the device: 10 major + minor
  bool is_strict = false;    // the capability was set: no PTX for a newer device is taken
  std::string fail;          // what is to fail: runtime/injection.h

  int state_mask() const { return (memcheck ? 1 : 0) | (initcheck ? 2 : 0); }
  bool counting() const { return !counters.empty(); }
};

// Read once. A setting that is not understood ends the process with exit code 2.
const Config& config();

}  // namespace burin::softgpu
