// PTX to C++: one kernel, with the device functions it calls, becomes one translation unit.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ptx/ast.h"

namespace burin::softgpu {

// Instruction classes of the counters.
enum class Class : uint32_t {
  kInteger,
  kFloat32,
  kFloat64,
  kHalf,
  kConvert,
  kMove,
  kControl,
  kMemory,
  kAtomic,
  kBarrier,
  kWarp,
  kMatrix,
  kCount
};
const char* class_name(Class c);

struct KernelSource {
  std::string text;
  uint64_t parameter_bytes = 0;
};

// Where each parameter lies in the parameter block, and how long it is.
struct ParameterLayout {
  struct Entry {
    uint64_t offset, bytes;
  };
  std::vector<Entry> entries;
  uint64_t bytes = 0;
};
ParameterLayout parameter_layout(const Function& kernel);

// Throws PtxError naming the line and the opcode, if anything is not implemented.
std::string translate_kernel(const Module& module, const Function& kernel);

}  // namespace burin::softgpu
