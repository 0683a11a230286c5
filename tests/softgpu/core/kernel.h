// A module of PTX that a program registered, and its kernels.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "core/counters.h"
#include "device/abi.h"
#include "ptx/ast.h"
#include "translate/translator.h"

namespace burin::softgpu {

struct LoadedModule;

struct Kernel {
  LoadedModule* module = nullptr;
  const Function* function = nullptr;
  std::string name;  // plain
  ParameterLayout parameters;
  const KernelImage* image = nullptr;  // once compiled
  int load_error = 0;
  uint32_t dynamic_shared_limit = 48 * 1024;  // cudaFuncSetAttribute raises it
  KernelCounters counters;
};

struct LoadedModule {
  std::string text;
  Module ptx;
  std::unordered_map<std::string, uint64_t> addresses;  // of its device variables
  std::unordered_map<std::string, std::unique_ptr<Kernel>> kernels;
  std::string source_of(uint32_t ptx_line) const;  // "file.cu:12", empty without -lineinfo
};

// Translates, compiles and loads the kernel if that was not done yet. Returns a cudaError; a
// failure is explained on the error stream.
int load_kernel(Kernel& kernel);

// Reads a module; null, with an explanation on the error stream, if the PTX is not understood.
std::unique_ptr<LoadedModule> load_module(std::string text);

}  // namespace burin::softgpu
