// Whole functions and whole kernels: declarations, order, and the tables beside the code.
#include <algorithm>

#include "translate/emitter.h"

namespace burin::softgpu {
namespace {

Class class_of(const Instruction& i) {
  static const std::map<std::string, Class> fixed = {
      {"ld", Class::kMemory},       {"ldu", Class::kMemory},      {"st", Class::kMemory},
      {"cp", Class::kMemory},       {"prefetch", Class::kMemory}, {"atom", Class::kAtomic},
      {"red", Class::kAtomic},      {"bar", Class::kBarrier},     {"barrier", Class::kBarrier},
      {"membar", Class::kBarrier},  {"fence", Class::kBarrier},   {"bra", Class::kControl},
      {"brx", Class::kControl},     {"call", Class::kControl},    {"ret", Class::kControl},
      {"exit", Class::kControl},    {"trap", Class::kControl},    {"shfl", Class::kWarp},
      {"vote", Class::kWarp},       {"match", Class::kWarp},      {"redux", Class::kWarp},
      {"activemask", Class::kWarp}, {"mma", Class::kMatrix},      {"wmma", Class::kMatrix},
      {"ldmatrix", Class::kMatrix}, {"cvt", Class::kConvert},     {"mov", Class::kMove},
      {"selp", Class::kMove},       {"slct", Class::kMove},       {"cvta", Class::kMove},
      {"setp", Class::kMove},       {"set", Class::kMove},        {"prmt", Class::kMove}};
  const auto found = fixed.find(i.parts[0]);
  if (found != fixed.end()) return found->second;
  const Type t = i.type();
  if (t.kind == Kind::kBrain || (t.kind == Kind::kFloat && t.bits == 16)) return Class::kHalf;
  if (t.kind == Kind::kFloat) return t.bits == 64 ? Class::kFloat64 : Class::kFloat32;
  return Class::kInteger;
}

std::string signature(const Function& f) {
  if (f.is_entry) return cat("void k_", f.name, "(Thread* t)");
  std::string s = cat("void f_", f.name, "(Thread* t");
  for (const Variable* v : f.results) s += cat(", u8* ", v->cname);
  for (const Variable* v : f.parameters) s += cat(", u8* ", v->cname);
  return s + ")";
}

// Instructions after which a thread may stand still while others of its block run.
bool needs_fibres(const Function& f) {
  for (const Instruction& i : f.body) {
    if (i.opcode.empty()) continue;
    const std::string& o = i.parts[0];
    if (o == "bar" || o == "barrier" || o == "shfl" || o == "vote" || o == "match" ||
        o == "redux" || o == "activemask" || o == "mma" || o == "wmma" || o == "ldmatrix" ||
        o == "exit") {
      if (o != "exit" || !f.is_entry) return true;
    }
  }
  return false;
}

// A loop may wait for what another thread, perhaps of another block, is to write.
bool may_wait(const Function& f) {
  for (const Instruction& i : f.body) {
    if (i.opcode.empty()) continue;
    if (i.has("cas") || i.has("exch") || i.has("volatile") || i.has("acquire") || i.has("relaxed"))
      return true;
  }
  return false;
}

}  // namespace

const char* class_name(Class c) {
  static const char* names[] = {"integer", "float32", "float64", "half",    "convert", "move",
                                "control", "memory",  "atomic",  "barrier", "warp",    "matrix"};
  return names[static_cast<size_t>(c)];
}

ParameterLayout parameter_layout(const Function& kernel) {
  ParameterLayout layout;
  for (const Variable* v : kernel.parameters) {
    const uint64_t align = std::max<uint64_t>(v->align, 1);
    layout.bytes = (layout.bytes + align - 1) / align * align;
    layout.entries.push_back({layout.bytes, v->bytes});
    layout.bytes += v->bytes;
  }
  return layout;
}

// Counts the instructions of each basic block; a block begins at a label and after a branch or
// call.
void Emitter::count(const Instruction& i) {
  if (!block_open_) {
    line(cat("SG_BLOCK(", unit_.block_classes.size(), ")"));
    unit_.block_classes.emplace_back(static_cast<size_t>(Class::kCount));
    block_open_ = true;
  }
  ++unit_.block_classes.back()[static_cast<size_t>(class_of(i))];
}

void Emitter::emit(const Instruction& i) {
  using Family = bool (*)(Emitter&, const Instruction&);
  static const std::map<std::string, std::vector<Family>> families = [] {
    std::map<std::string, std::vector<Family>> m;
    const auto add = [&m](Family f, std::initializer_list<const char*> opcodes) {
      for (const char* o : opcodes) m[o].push_back(f);
    };
    add(emit_half, {"add", "sub", "mul", "fma", "neg", "abs", "min", "max", "ex2", "tanh"});
    add(emit_float,
        {"add", "sub",  "mul",   "fma", "mad", "div", "abs", "neg",  "min",   "max",
         "rcp", "sqrt", "rsqrt", "sin", "cos", "lg2", "ex2", "tanh", "testp", "copysign"});
    add(emit_integer, {"add", "sub", "mul", "mad", "mul24", "mad24", "sad", "div", "rem", "abs",
                       "neg", "min", "max", "addc", "subc", "madc", "dp4a", "dp2a"});
    add(emit_bits, {"and", "or", "xor", "not", "cnot", "lop3", "shl", "shr", "shf", "prmt", "popc",
                    "clz", "bfind", "fns", "brev", "bfe", "bfi", "bmsk", "szext"});
    add(emit_compare, {"setp", "set", "selp", "slct"});
    add(emit_convert, {"cvt"});
    add(emit_move, {"mov", "cvta", "isspacep"});
    add(emit_memory, {"ld", "ldu", "st", "prefetch", "prefetchu", "cp", "discard"});
    add(emit_atomic, {"atom", "red"});
    add(emit_control, {"bra", "brx", "call", "ret", "exit", "bar", "barrier", "membar", "fence",
                       "trap", "brkpt", "nanosleep", "pmevent"});
    add(emit_warp, {"shfl", "vote", "match", "redux", "activemask"});
    add(emit_matrix, {"mma", "ldmatrix", "wmma"});
    return m;
  }();
  const auto found = families.find(i.parts[0]);
  if (found == families.end()) unsupported(i);
  for (const Family f : found->second) {
    if (f(*this, i)) return;
  }
  unsupported(i);
}

std::string Emitter::run() {
  for (size_t k = 0; k < function_.body.size(); ++k) {
    if (!function_.body[k].label.empty()) label_at_[function_.body[k].label] = k;
  }
  classify_nans();
  unit_.may_wait |= may_wait(function_);
  unit_.needs_fibres |= unit_.may_wait || needs_fibres(function_);
  std::string code;
  for (at_ = 0; at_ < function_.body.size(); ++at_) {
    const Instruction& i = function_.body[at_];
    if (!i.label.empty()) {
      line(cat(i.label, ":;"));
      block_open_ = false;
      continue;
    }
    count(i);
    if (i.guard.form == Operand::Form::kRegister) {
      line(cat("if (", value(i.guard, kPred, i), ") {"));
      emit(i);
      line("}");
    } else {
      emit(i);
    }
    const std::string& o = i.parts[0];
    if (o == "bra" || o == "brx" || o == "call" || o == "ret" || o == "exit") block_open_ = false;
  }
  code.swap(out_);

  line(cat("static ", signature(function_), " {"));
  if (function_.is_entry) line("const u8* const params = t->block->params; (void)params;");
  line("u32 carry = 0; (void)carry;");
  for (const auto& r : function_.registers) {
    if (r->used) line(cat(c_type(r->type), " ", r->name, " = 0;"));
  }
  for (const auto& v : function_.variables) {
    const bool is_own = std::find(function_.parameters.begin(), function_.parameters.end(),
                                  v.get()) != function_.parameters.end() ||
                        std::find(function_.results.begin(), function_.results.end(), v.get()) !=
                            function_.results.end();
    if (is_own || (v->space != "local" && v->space != "param")) continue;
    const uint64_t bytes = std::max<uint64_t>(v->bytes, 1);
    line(cat("alignas(", std::max(v->align, 16u), ") u8 ", v->cname, "[", (bytes + 15) / 16 * 16,
             "];"));
    // Local memory that is read before it is written shows, and is the same on each run.
    if (v->space == "local") line(cat("__builtin_memset(", v->cname, ", 0xcd, ", bytes, ");"));
    unit_.local_bytes += (bytes + 31) / 16 * 16;
  }
  if (function_.is_entry) line("(void)t;");
  out_ += code;
  line("}");
  return std::move(out_);
}

std::string translate_kernel(const Module& module, const Function& kernel) {
  UnitContext unit;
  unit.module = &module;
  const std::string entry = Emitter(unit, kernel).run();
  std::string functions, declarations;
  std::set<std::string> done;
  for (bool more = true; more;) {
    more = false;
    for (const std::string& name : std::set<std::string>(unit.callees)) {
      if (!done.insert(name).second) continue;
      const Function& f = *module.functions.at(name);
      if (f.is_declaration) throw PtxError("call of " + name + ", which has no body");
      declarations += cat("static ", signature(f), ";\n");
      functions += Emitter(unit, f).run();
      more = true;
    }
  }
  // Dynamic shared memory begins where the static ends.
  const uint64_t align = unit.dynamic_alignment;
  const uint64_t static_shared = unit.static_shared;
  std::string text = "#include \"device.h\"\nnamespace burin::softgpu {\nnamespace {\n";
  text += cat("#define SG_STATIC_SHARED ", (static_shared + align - 1) / align * align, "ul\n");
  std::string table;
  for (const auto& [name, slot] : unit.symbols) {
    text += cat("u64 ", slot, ";\n");
    table += cat("{\"", name, "\", &", slot, "}, ");
  }
  text += declarations + functions + entry;
  text += cat("const Symbol symbols[] = {", table, "{nullptr, nullptr}};\n");
  text += "const u32 classes[][12] = {";
  for (const auto& b : unit.block_classes) {
    text += "{";
    for (const uint32_t n : b) text += cat(n, ",");
    text += "},";
  }
  text += "{}};\nconst u32 site_lines[] = {";
  for (const uint32_t l : unit.site_lines) text += cat(l, ",");
  text += "0};\n}\nextern \"C\" const KernelImage softgpu_kernel;\n";
  text +=
      cat("const KernelImage softgpu_kernel = {k_", kernel.name, ", &api, symbols, ",
          unit.symbols.size(), ", ", static_shared, ", ", unit.local_bytes, ", ",
          unit.needs_fibres ? "true, " : "false, ", unit.may_wait ? "true" : "false", ", ",
          unit.block_classes.size(), ", classes, ", unit.site_lines.size(), ", site_lines};\n}\n");
  return text;
}

}  // namespace burin::softgpu
