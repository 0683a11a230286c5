// Moves, address conversion, loads, stores, cp.async.
#include "translate/emitter.h"

namespace burin::softgpu {
namespace {

Type scalar(Type t) {
  return t.lanes == 2 ? kB32 : t;
}

// mov.b32 {a, b}, c and c, {a, b}: a is the lowest part.
bool emit_pack(Emitter& e, const Instruction& i, Type t) {
  const Operand& to = i.operands[0];
  const Operand& from = i.operands[1];
  if (to.form == Operand::Form::kVector) {
    const auto n = static_cast<uint32_t>(to.parts.size());
    const Type part{Kind::kUnsigned, t.bits / n};
    e.line(cat("{ const ", c_type(t), " whole = ", e.raw(from, t, i), ";"));
    for (uint32_t k = 0; k < n; ++k)
      e.assign(to.parts[k], part, cat("(u", part.bits, ")(whole >> ", k * part.bits, ")"), i);
    e.line("}");
    return true;
  }
  if (from.form == Operand::Form::kVector) {
    const auto n = static_cast<uint32_t>(from.parts.size());
    const Type part{Kind::kUnsigned, t.bits / n};
    std::string whole;
    for (uint32_t k = 0; k < n; ++k) {
      whole += cat(k == 0 ? "" : " | ", "(", c_type(t), ")", e.raw(from.parts[k], part, i), " << ",
                   k * part.bits);
    }
    e.assign(to, t, whole, i);
    return true;
  }
  return false;
}

uint32_t vector_length(const Instruction& i) {
  return i.has("v4") ? 4 : i.has("v2") ? 2 : 1;
}

bool is_strong(const Instruction& i) {
  return i.has("volatile") || i.has("relaxed") || i.has("acquire") || i.has("release");
}

void allow_memory(Emitter& e, const Instruction& i) {
  Instruction plain = i;  // cache hints change no result
  std::erase_if(plain.parts, [](const std::string& p) {
    return p.starts_with("L1::") || p.starts_with("L2::") || p == "shared::cta" ||
           p == "param::entry" || p == "param::func";
  });
  e.allow(plain, {"global",  "shared", "local", "param", "const", "volatile", "relaxed", "acquire",
                  "release", "weak",   "cta",   "gpu",   "sys",   "nc",       "ca",      "cg",
                  "cs",      "lu",     "cv",    "wb",    "wt",    "v2",       "v4"});
}

// A parameter named directly: of the kernel, of this function, or of a call being prepared.
std::string parameter_pointer(Emitter& e, const Instruction& i, const Operand& memory) {
  const Operand& base = memory.parts[0];
  if (base.form != Operand::Form::kSymbol || base.variable == nullptr ||
      base.variable->space != "param")
    return "";
  const uint64_t offset = memory.integer + base.integer;
  const Function& f = e.function();
  if (f.is_entry) {
    const ParameterLayout layout = parameter_layout(f);
    for (size_t k = 0; k < f.parameters.size(); ++k) {
      if (f.parameters[k] == base.variable) {
        if (offset >= layout.entries[k].bytes) e.unsupported(i, "access past a parameter");
        return cat("params + ", layout.entries[k].offset + offset);
      }
    }
  }
  return cat(base.variable->cname, " + ", offset);
}

void emit_load(Emitter& e, const Instruction& i) {
  allow_memory(e, i);
  const uint32_t n = vector_length(i);
  const Type t = scalar(i.type());
  const uint64_t bytes = t.bits / 8;
  const std::string space = Emitter::state_space(i);
  const Operand& to = i.operands.at(0);
  std::string from;
  if (space == "param") from = parameter_pointer(e, i, i.operands.at(1));
  if (from.empty()) from = e.access(i.operands.at(1), space, bytes * n, "kRead", is_strong(i), i);
  if (n == 1) return e.assign(to, t, cat("get<", c_type(t), ">(", from, ")"), i);
  if (to.form != Operand::Form::kVector || to.parts.size() != n) e.unsupported(i, "vector length");
  e.line(cat("{ const u8* const from = ", from, ";"));
  for (uint32_t k = 0; k < n; ++k)
    e.line(cat("const ", c_type(t), " l", k, " = get<", c_type(t), ">(from + ", k * bytes, ");"));
  for (uint32_t k = 0; k < n; ++k) e.assign(to.parts[k], t, cat("l", k), i);
  e.line("}");
}

void emit_store(Emitter& e, const Instruction& i) {
  allow_memory(e, i);
  const uint32_t n = vector_length(i);
  const Type t = scalar(i.type());
  const uint64_t bytes = t.bits / 8;
  const std::string space = Emitter::state_space(i);
  const Operand& from = i.operands.at(1);
  std::string to;
  if (space == "param") to = parameter_pointer(e, i, i.operands.at(0));
  if (space == "const") e.unsupported(i);
  if (to.empty()) to = e.access(i.operands.at(0), space, bytes * n, "kWrite", is_strong(i), i);
  if (n == 1) return e.line(cat("put<", c_type(t), ">(", to, ", ", e.raw(from, t, i), ");"));
  if (from.form != Operand::Form::kVector || from.parts.size() != n)
    e.unsupported(i, "vector length");
  e.line(cat("{ u8* const to = ", to, ";"));
  for (uint32_t k = 0; k < n; ++k) {
    e.line(cat("put<", c_type(t), ">(to + ", k * bytes, ", ", e.raw(from.parts[k], t, i), ");"));
  }
  e.line("}");
}

void emit_async(Emitter& e, const Instruction& i) {
  if (i.parts.size() < 2 || i.parts[1] != "async") e.unsupported(i);
  if (i.has("bulk") || i.has("mbarrier") || i.has("reduce") || i.has("tensor")) e.unsupported(i);
  if (i.has("commit_group")) return e.line("async_commit(t);");
  if (i.has("wait_all")) return e.line("async_wait_all(t);");
  if (i.has("wait_group"))
    return e.line(cat("async_wait(t, ", e.value(i.operands.at(0), kU32, i), ");"));
  e.need_operands(i, 3, 5);
  const Operand& size = i.operands[2];
  if (size.form != Operand::Form::kInteger) e.unsupported(i, "copy size is no constant");
  const std::string bytes =
      i.operands.size() > 3 ? e.value(i.operands[3], kU32, i) : cat(size.integer, "u");
  const uint32_t site = e.new_site(i.line);
  e.new_site(i.line);
  e.line(cat("async_copy<", size.integer, ">(t, (u32)(", e.address(i.operands[0], i), "), ",
             e.address(i.operands[1], i), ", ", bytes, ", ", i.line, ", ", site, ");"));
}

}  // namespace

bool emit_move(Emitter& e, const Instruction& i) {
  const std::string& op = i.parts[0];
  if (op == "isspacep") {
    const std::string a = e.value(i.operands.at(1), kU64, i);
    const std::string low = "(u64)t->stack_low";
    const std::string test = i.has("global")
                                 ? cat("(", a, " >> kWindowBits == kDeviceBase >> kWindowBits)")
                             : i.has("shared") ? cat("(", a, " >> 32 == kSharedWindow >> 32)")
                             : i.has("local")  ? cat("(", a, " - ", low, " < t->stack_size)")
                                               : "";
    if (test.empty()) e.unsupported(i);
    return e.assign(i.operands[0], kPred, test, i), true;
  }
  const Type t = i.type();
  if (op == "cvta") {
    const std::string space = Emitter::state_space(i);
    e.allow(i,
            {"to", "global", "shared", "local", "const", "param", "shared::cta", "param::entry"});
    const std::string a = e.value(i.operands.at(1), t, i);
    if (space == "shared") {
      return e.assign(
                 i.operands[0], t,
                 i.has("to") ? cat("(u64)(u32)", a) : cat("((u64)(u32)", a, " | kSharedWindow)"),
                 i),
             true;
    }
    return e.assign(i.operands[0], t, a, i), true;
  }
  e.allow(i, {});
  e.need_operands(i, 2, 2);
  if (emit_pack(e, i, t)) return true;
  const bool keeps = e.holds_arithmetic_only(i.operands[0]);
  e.assign(i.operands[0], t, keeps ? e.value(i.operands[1], t, i) : e.raw(i.operands[1], t, i), i);
  return true;
}

bool emit_memory(Emitter& e, const Instruction& i) {
  const std::string& op = i.parts[0];
  if (op == "ld" || op == "ldu") {
    emit_load(e, i);
  } else if (op == "st") {
    emit_store(e, i);
  } else if (op == "cp") {
    emit_async(e, i);
  } else if (op == "discard") {
    e.unsupported(i);
  }
  return true;  // prefetch: a hint
}

bool emit_atomic(Emitter& e, const Instruction& i) {
  const bool reduction = i.parts[0] == "red";
  e.allow(i, {"global", "shared", "shared::cta", "relaxed", "acquire", "release", "acq_rel",
              "cta",    "gpu",    "sys",         "add",     "min",     "max",     "and",
              "or",     "xor",    "exch",        "cas",     "inc",     "dec",     "noftz"});
  const Type t = i.type();
  const bool halves = t.is_float() && t.bits == 16;
  const Type held = halves ? Type{Kind::kUnsigned, t.bits * t.lanes} : t;
  const size_t first = reduction ? 0 : 1;
  const std::string space = Emitter::state_space(i);
  const std::string c = c_type(held);
  e.line(cat("{ u8* const at = ",
             e.access(i.operands.at(first), space, held.bits / 8, "kAtomic", true, i), ";"));
  e.line(cat("const ", c, " old = get<", c, ">(at);"));
  e.line(cat("const ", c, " b = ", e.raw(i.operands.at(first + 1), held, i), ";"));
  std::string next;
  if (halves) {
    if (!i.has("add")) e.unsupported(i);
    const std::string f = cat("narrow_add<", t.kind == Kind::kBrain ? "Brain" : "Half", ">(");
    next = t.lanes == 1 ? cat(f, "old, b)")
                        : cat("(u32)", f, "(u16)old, (u16)b) | (u32)", f,
                              "(u16)(old >> 16), (u16)(b >> 16)) << 16");
  } else if (i.has("add")) {
    next = t.is_float() ? "canon(old + b)" : "old + b";
    // On global memory the f32 sum flushes subnormals, on shared memory it does not.
    if (t == kF32 && space == "global") next = "canon(ftz(ftz(old) + ftz(b)))";
    if (t == kF32 && space == "generic") {
      next = cat("at == t->block->shared + (u32)(", e.address(i.operands[first], i),
                 ") ? canon(old + b) : canon(ftz(ftz(old) + ftz(b)))");
    }
  } else if (i.has("min") || i.has("max")) {
    if (t.is_float()) e.unsupported(i);
    next = i.has("min") ? "b < old ? b : old" : "b > old ? b : old";
  } else if (i.has("inc")) {
    next = "old >= b ? 0 : old + 1";
  } else if (i.has("dec")) {
    next = "old == 0 || old > b ? b : old - 1";
  } else if (i.has("exch")) {
    next = "b";
  } else if (i.has("cas")) {
    next = cat("old == b ? (", c, ")", e.raw(i.operands.at(3), held, i), " : old");
  } else {
    next = i.has("and") ? "old & b" : i.has("or") ? "old | b" : "old ^ b";
  }
  e.line(cat("put<", c, ">(at, (", c, ")(", next, "));"));
  if (!reduction) e.assign(i.operands[0], held, "old", i);
  e.line("}");
  return true;
}

}  // namespace burin::softgpu
