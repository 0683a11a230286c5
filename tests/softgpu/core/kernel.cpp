#include "core/kernel.h"

#include <dlfcn.h>

#include <cstdio>
#include <cstring>

#include "core/api.h"
#include "core/arena.h"
#include "core/compile.h"
#include "core/config.h"
#include "core/report.h"
#include "core/scheduler.h"
#include "ptx/parser.h"

namespace burin::softgpu {
namespace {

constexpr int kInvalidImage = 200, kOutOfMemory = 2, kInvalidPtx = 218;

// Gives the module's variables their place and their first values.
int place_variables(LoadedModule& m) {
  Arena& arena = Arena::get();
  for (const std::string& name : m.ptx.variable_order) {
    const Variable& v = *m.ptx.variables.at(name);
    if (v.space == "shared" || v.bytes == 0) continue;
    const uint64_t address = arena.allocate(v.bytes, true);
    if (address == 0) return kOutOfMemory;
    m.addresses[name] = address;
    std::memset(Arena::host(address), 0, v.bytes);
    if (!v.initial.empty()) std::memcpy(Arena::host(address), v.initial.data(), v.initial.size());
    arena.mark_written(address, v.bytes);
  }
  for (const std::string& name : m.ptx.variable_order) {
    for (const Variable::Address& a : m.ptx.variables.at(name)->addresses) {
      const auto target = m.addresses.find(a.symbol);
      if (target == m.addresses.end()) {
        std::fprintf(stderr, "softgpu: not implemented: address of %s in the initial value of %s\n",
                     a.symbol.c_str(), name.c_str());
        return kInvalidImage;
      }
      const uint64_t value = target->second + static_cast<uint64_t>(a.addend);
      std::memcpy(Arena::host(m.addresses[name]) + a.offset, &value, sizeof value);
    }
  }
  return 0;
}

}  // namespace

std::string LoadedModule::source_of(uint32_t line) const {
  const auto text = [&](uint32_t file, uint32_t at) {
    const auto name = ptx.files.find(file);
    if (name == ptx.files.end() || at == 0) return std::string();
    const size_t slash = name->second.rfind('/');
    return name->second.substr(slash == std::string::npos ? 0 : slash + 1) + ":" +
           std::to_string(at);
  };
  for (const auto& [name, f] : ptx.functions) {
    for (const Instruction& i : f->body) {
      if (i.line != line || i.opcode.empty()) continue;
      const std::string outer = text(i.source_file, i.source_line),
                        inner = text(i.inner_file, i.inner_line);
      return outer == inner ? outer : outer + ", in " + inner;
    }
  }
  return "";
}

std::unique_ptr<LoadedModule> load_module(std::string text) {
  auto m = std::make_unique<LoadedModule>();
  m->text = std::move(text);
  try {
    m->ptx = parse_ptx(m->text);
  } catch (const PtxError& e) {
    std::fprintf(stderr, "softgpu: %s\n", e.what());
    return nullptr;
  }
  for (const auto& [name, f] : m->ptx.functions) {
    if (!f->is_entry) continue;
    auto k = std::make_unique<Kernel>();
    k->module = m.get();
    k->function = f.get();
    k->name = demangled(name);
    k->parameters = parameter_layout(*f);
    m->kernels[name] = std::move(k);
  }
  if (place_variables(*m) != 0) return nullptr;
  return m;
}

int load_kernel(Kernel& k) {
  if (k.image != nullptr || k.load_error != 0) return k.load_error;
  try {
    k.image = compile_kernel(translate_kernel(k.module->ptx, *k.function), k.name);
  } catch (const std::runtime_error& e) {
    std::fprintf(stderr, "softgpu: kernel %s: %s\n", k.name.c_str(), e.what());
    return k.load_error = kInvalidPtx;
  }
  *k.image->api = kernel_api();
  for (uint32_t i = 0; i < k.image->symbol_count; ++i) {
    const Symbol& s = k.image->symbols[i];
    const auto address = k.module->addresses.find(s.name);
    if (address == k.module->addresses.end()) {
      std::fprintf(stderr, "softgpu: kernel %s: variable %s is not in the module\n", k.name.c_str(),
                   s.name);
      return k.load_error = kInvalidPtx;
    }
    *s.address = address->second;
  }
  return 0;
}

std::string running_kernel() {
  const Kernel* k = Scheduler::get().kernel();
  return k != nullptr ? "kernel " + k->name : "no kernel";
}

std::string where(uint32_t line) {
  const Kernel* k = Scheduler::get().kernel();
  const std::string source = k != nullptr ? k->module->source_of(line) : "";
  return running_kernel() + " at PTX line " + std::to_string(line) +
         (source.empty() ? "" : " (" + source + ")");
}

}  // namespace burin::softgpu
