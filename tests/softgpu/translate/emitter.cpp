#include "translate/emitter.h"

namespace burin::softgpu {

std::string c_type(Type t) {
  if (t.kind == Kind::kPredicate) return "bool";
  if (t.kind == Kind::kFloat && t.bits == 32) return "float";
  if (t.kind == Kind::kFloat && t.bits == 64) return "double";
  return cat(t.kind == Kind::kSigned ? "s" : "u", t.bits * t.lanes);
}

uint32_t rounding_mode(const Instruction& i) {
  if (i.has("rm") || i.has("rmi")) return 1;
  if (i.has("rp") || i.has("rpi")) return 2;
  if (i.has("rz") || i.has("rzi")) return 3;
  return 0;
}

void Emitter::unsupported(const Instruction& i, std::string_view why) const {
  throw PtxError(
      cat("PTX line ", i.line, ": not implemented: ", i.opcode, why.empty() ? "" : ": ", why));
}

void Emitter::allow(const Instruction& i, std::initializer_list<std::string_view> modifiers) const {
  for (size_t k = 1; k < i.parts.size(); ++k) {
    if (parse_type(i.parts[k]).kind != Kind::kNone) continue;
    bool known = false;
    for (const std::string_view m : modifiers) known |= m == i.parts[k];
    if (!known) unsupported(i, "modifier ." + i.parts[k]);
  }
}

void Emitter::need_operands(const Instruction& i, size_t least, size_t most) const {
  if (i.operands.size() < least || i.operands.size() > most) unsupported(i, "number of operands");
}

// ---- NaN payloads
// -------------------------------------------------------------------------------- PTX arithmetic
// gives the canonical NaN, x86 arithmetic the payload of an operand. Making each result canonical
// would be slow, so it is done where the bits can be seen: a register that only arithmetic writes
// is made canonical when it is stored or moved elsewhere; one that holds loaded values too is made
// canonical when arithmetic writes it.
void Emitter::classify_nans() {
  static const std::set<std::string> arithmetic = {"add", "sub",  "mul",   "fma", "mad", "div",
                                                   "rcp", "sqrt", "rsqrt", "sin", "cos", "lg2",
                                                   "ex2", "tanh", "min",   "max", "cvt"};
  static const std::set<std::string> copies = {"mov", "selp", "neg", "abs", "slct"};
  struct Flags {
    bool raw = false, computed = false;
  };
  std::map<const Register*, Flags> flags;
  std::vector<std::pair<const Register*, const Register*>> edges;
  const auto is_float = [](const Operand& o) {
    return o.form == Operand::Form::kRegister && o.reg->type.is_float() && o.reg->type.bits >= 32;
  };
  for (const Instruction& i : function_.body) {
    if (i.operands.empty() || !i.label.empty()) continue;
    std::vector<const Operand*> targets = {&i.operands[0]};
    for (const Operand& part : i.operands[0].parts) targets.push_back(&part);
    for (const Operand* to : targets) {
      if (!is_float(*to)) continue;
      Flags& f = flags[to->reg];
      if (arithmetic.contains(i.parts[0])) {
        f.computed = true;
      } else if (copies.contains(i.parts[0]) && to == &i.operands[0]) {
        for (size_t k = 1; k < i.operands.size(); ++k) {
          if (is_float(i.operands[k]))
            edges.emplace_back(to->reg, i.operands[k].reg);
          else if (i.operands[k].form != Operand::Form::kFloatBits)
            f.raw = f.raw || i.parts[0] == "mov";
          else if ((i.operands[k].integer & 0x7fffffff) > 0x7f800000 ||
                   i.operands[k].float_width == 64)
            f.raw = true;
        }
      } else {
        f.raw = true;
      }
    }
  }
  for (bool changed = true; changed;) {
    changed = false;
    for (const auto& [to, from] : edges) {
      Flags& a = flags[to];
      const Flags b = flags[from];
      const Flags before = a;
      a.raw |= b.raw, a.computed |= b.computed;
      changed |= a.raw != before.raw || a.computed != before.computed;
    }
  }
  for (const auto& [r, f] : flags) {
    nan_class_[r] = !f.computed ? NanClass::kRaw : f.raw ? NanClass::kMixed : NanClass::kArithmetic;
  }
}

bool Emitter::holds_arithmetic_only(const Operand& o) const {
  if (o.form != Operand::Form::kRegister) return false;
  const auto c = nan_class_.find(o.reg);
  return c != nan_class_.end() && c->second == NanClass::kArithmetic;
}

// ---- Values
// --------------------------------------------------------------------------------------
std::string Emitter::register_value(const Register& r, Type t, bool keep_bits) const {
  const bool wants_float = c_type(t) == "float" || c_type(t) == "double";
  if (r.type.kind == Kind::kPredicate) return r.name;
  if (r.type.is_float() && r.type.bits >= 32) {
    const auto c = nan_class_.find(&r);
    const bool fix = keep_bits && c != nan_class_.end() && c->second == NanClass::kArithmetic;
    const std::string v = fix ? cat("canon(", r.name, ")") : r.name;
    if (wants_float) return t.bits == r.type.bits ? v : cat("(", c_type(t), ")", v);
    return cat("(", c_type(t), ")bits(", v, ")");
  }
  if (wants_float) return cat(t.bits == 32 ? "f32((u32)" : "f64((u64)", r.name, ")");
  if (c_type(t) == c_type(r.type)) return r.name;
  return cat("(", c_type(t), ")", r.name);
}

std::string Emitter::immediate(const Operand& o, Type t, const Instruction& i) const {
  const bool wants_float = c_type(t) == "float" || c_type(t) == "double";
  if (o.form == Operand::Form::kFloatBits) {
    uint64_t bits = o.integer;
    uint32_t width = o.float_width;
    if (wants_float && t.bits == 32 && width == 64) {
      return cat("(float)f64(", bits, "ul)");
    }
    if (wants_float && t.bits == 64 && width == 32) return cat("(double)f32(", bits, "u)");
    if (wants_float) return cat(width == 32 ? "f32(" : "f64(", bits, width == 32 ? "u)" : "ul)");
    return cat("(", c_type(t), ")", bits, "ul");
  }
  if (t.kind == Kind::kPredicate) return o.integer != 0 ? "true" : "false";
  if (wants_float) return cat(t.bits == 32 ? "f32((u32)" : "f64(", o.integer, "ul)");
  (void)i;
  return cat("(", c_type(t), ")", o.integer, "ul");
}

std::string Emitter::value(const Operand& o, Type t, const Instruction& i) {
  std::string v;
  switch (o.form) {
    case Operand::Form::kRegister:
      v = register_value(*o.reg, t, !t.is_float());
      break;
    case Operand::Form::kInteger:
    case Operand::Form::kFloatBits:
      v = immediate(o, t, i);
      break;
    case Operand::Form::kSpecial:
      v = cat("(", c_type(t), ")", special(o, i));
      break;
    case Operand::Form::kSymbol:
      v = cat("(", c_type(t), ")(", symbol_address(o, i), ")");
      break;
    default:
      unsupported(i, "operand");
  }
  if (o.negated && t.kind != Kind::kPredicate) unsupported(i, "negated operand");
  return o.negated ? cat("!", v) : v;
}

std::string Emitter::raw(const Operand& o, Type t, const Instruction& i) {
  if (o.form == Operand::Form::kRegister) return register_value(*o.reg, t, true);
  return value(o, t, i);
}

void Emitter::assign(const Operand& to, Type t, const std::string& expression, const Instruction& i,
                     bool arithmetic) {
  if (to.form == Operand::Form::kSink) return;
  if (to.form != Operand::Form::kRegister) unsupported(i, "destination");
  const Register& r = *to.reg;
  const bool is_float = c_type(t) == "float" || c_type(t) == "double";
  if (r.type.kind == Kind::kPredicate || t.kind == Kind::kPredicate) {
    if (r.type.kind != t.kind) unsupported(i, "predicate and other register mixed");
    line(cat(r.name, " = ", expression, ";"));
    return;
  }
  if (r.type.is_float() && r.type.bits >= 32) {
    if (!is_float) {
      line(cat(r.name, " = ", r.type.bits == 32 ? "f32((u32)(" : "f64((u64)(", expression, "));"));
      return;
    }
    if (t.bits != r.type.bits) unsupported(i, "register width");
    const auto c = nan_class_.find(&r);
    const bool fix = arithmetic && c != nan_class_.end() && c->second == NanClass::kMixed;
    line(cat(r.name, " = ", fix ? "canon(" : "(", expression, ");"));
    return;
  }
  const std::string own = c_type(r.type);
  if (is_float) {
    if (t.bits != r.type.bits) unsupported(i, "register width");
    line(cat(r.name, " = bits(", arithmetic ? "canon(" : "(", expression, "));"));
  } else {
    line(cat(r.name, " = (", own, ")(", c_type(t), ")(", expression, ");"));
  }
}

std::string Emitter::special(const Operand& o, const Instruction& i) const {
  static const std::map<std::string, std::string> names = {
      {"%laneid", "t->lane"},
      {"%warpid", "t->warp"},
      {"%nwarpid", "((t->block->threads + 31) / 32)"},
      {"WARP_SZ", "32u"},
      {"%smid", "0u"},
      {"%nsmid", "1u"},
      {"%gridid", "1ul"},
      {"%clock", "(u32)api->clock()"},
      {"%clock_hi", "(u32)(api->clock() >> 32)"},
      {"%clock64", "api->clock()"},
      {"%globaltimer", "api->clock()"},
      {"%globaltimer_lo", "(u32)api->clock()"},
      {"%globaltimer_hi", "(u32)(api->clock() >> 32)"},
      {"%lanemask_eq", "(1u << t->lane)"},
      {"%lanemask_lt", "((1u << t->lane) - 1)"},
      {"%lanemask_le", "(((1u << t->lane) - 1) | 1u << t->lane)"},
      {"%lanemask_gt", "~(((1u << t->lane) - 1) | 1u << t->lane)"},
      {"%lanemask_ge", "~((1u << t->lane) - 1)"},
      {"%dynamic_smem_size", "t->block->dynamic_shared"},
      {"%total_smem_size", "t->block->shared_exact"},
      {"%is_explicit_cluster", "0u"}};
  const size_t dot = o.name.find('.');
  if (dot != std::string::npos && dot + 2 == o.name.size()) {
    const std::string base = o.name.substr(0, dot);
    const char axis = o.name[dot + 1];
    if (axis >= 'x' && axis <= 'z') {
      const int index = axis - 'x';
      if (base == "%tid") return cat("t->tid[", index, "]");
      if (base == "%ntid") return cat("t->block->ntid[", index, "]");
      if (base == "%ctaid") return cat("t->block->ctaid[", index, "]");
      if (base == "%nctaid") return cat("t->block->nctaid[", index, "]");
    }
  }
  const auto found = names.find(o.name);
  if (found == names.end()) unsupported(i, "special register " + o.name);
  return found->second;
}

// ---- Memory
// --------------------------------------------------------------------------------------
std::string Emitter::symbol_address(const Operand& o, const Instruction& i) {
  const std::string plus = o.integer != 0 ? cat(" + ", o.integer, "ul") : "";
  if (o.variable == nullptr) {
    const auto f = unit_.module->functions.find(o.name);
    if (f == unit_.module->functions.end()) unsupported(i, "unknown name " + o.name);
    unit_.callees.insert(o.name);
    return cat("(u64)&f_", o.name);
  }
  const Variable& v = *o.variable;
  if (v.space == "shared") {
    const std::string key = v.cname.empty() ? v.name : cat(function_.name, "/", v.cname);
    if (v.is_external) {
      unit_.dynamic_alignment = std::max<uint64_t>(unit_.dynamic_alignment, v.align);
      return cat("(u64)SG_STATIC_SHARED", plus);
    }
    const auto known = unit_.shared_offsets.find(key);
    if (known != unit_.shared_offsets.end()) return cat(known->second, "ul", plus);
    const uint64_t align = std::max<uint64_t>(v.align, 1);
    const uint64_t at = (unit_.static_shared + align - 1) / align * align;
    unit_.shared_offsets[key] = at;
    unit_.static_shared = at + v.bytes;
    return cat(at, "ul", plus);
  }
  if (v.space == "local") return cat("(u64)", v.cname, plus);
  if (v.space == "param") {
    if (function_.is_entry) {
      const ParameterLayout layout = parameter_layout(function_);
      for (size_t k = 0; k < function_.parameters.size(); ++k) {
        if (function_.parameters[k] == &v)
          return cat(layout.entries[k].offset, "ul + kParamWindow", plus);
      }
    }
    return cat("(u64)", v.cname, plus);
  }
  const auto [slot, added] =
      unit_.symbols.try_emplace(v.name, cat("symbol_", unit_.symbols.size()));
  return cat(slot->second, plus);
}

std::string Emitter::address(const Operand& memory, const Instruction& i) {
  if (memory.form != Operand::Form::kMemory) unsupported(i, "memory operand");
  const Operand& base = memory.parts[0];
  const std::string offset = memory.integer != 0 ? cat(" + ", memory.integer, "ul") : "";
  if (base.form == Operand::Form::kRegister && base.reg->type.bits == 32) {
    return cat("(u64)(u32)(", base.reg->name, offset, ")");
  }
  return cat(value(base, kU64, i), offset);
}

uint32_t Emitter::new_site(uint32_t line) {
  unit_.site_lines.push_back(line);
  return static_cast<uint32_t>(unit_.site_lines.size() - 1);
}

std::string Emitter::state_space(const Instruction& i) {
  for (size_t k = 1; k < i.parts.size(); ++k) {
    for (const char* space : {"global", "shared", "local", "param", "const"}) {
      if (i.parts[k] == space) return space;
    }
    if (i.parts[k] == "shared::cta") return "shared";
    if (i.parts[k] == "param::entry" || i.parts[k] == "param::func") return "param";
  }
  return "generic";
}

std::string Emitter::access(const Operand& memory, const std::string& space, uint64_t bytes,
                            std::string_view kind, bool strong, const Instruction& i) {
  const std::string a = address(memory, i);
  const std::string tail = cat("(t, ", a, ", Access::", kind);
  if (space == "local") return cat("at_local<", bytes, ">", tail, ", ", i.line, ")");
  const uint32_t site = new_site(i.line);
  const std::string where = cat(", ", strong ? "true" : "false", ", ", i.line, ", ", site);
  if (space == "global") return cat("at_global<", bytes, ">", tail, where, ")");
  if (space == "const") return cat("at_global<", bytes, ">", tail, where, ", Space::kConst)");
  if (space == "shared") return cat("at_shared<", bytes, ">", tail, where, ")");
  return cat("at_generic<", bytes, ">", tail, where, ")");
}

// ---- Control
// -------------------------------------------------------------------------------------
std::string Emitter::label_name(const Operand& o, const Instruction& i) const {
  if (o.form != Operand::Form::kSymbol || !label_at_.contains(o.name))
    unsupported(i, "branch target");
  return o.name;
}
bool Emitter::is_backward(const std::string& label) const {
  return label_at_.at(label) <= at_;
}

}  // namespace burin::softgpu
