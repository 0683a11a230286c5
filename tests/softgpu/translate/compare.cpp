// Comparison and selection.
#include "translate/emitter.h"

namespace burin::softgpu {
namespace {

// The comparison of two C++ values, as a bool.
std::string comparison(Emitter& e, const Instruction& i, const std::string& how, Type t,
                       const std::string& a, const std::string& b) {
  static const std::map<std::string, std::string> plain = {
      {"eq", "=="}, {"ne", "!="}, {"lt", "<"},  {"le", "<="}, {"gt", ">"},
      {"ge", ">="}, {"lo", "<"},  {"ls", "<="}, {"hi", ">"},  {"hs", ">="}};
  const auto p = plain.find(how);
  if (!t.is_float()) {
    if (p == plain.end()) e.unsupported(i, "comparison " + how);
    return cat("(", a, " ", p->second, " ", b, ")");
  }
  if (how == "ne") return cat("(", a, " < ", b, " || ", a, " > ", b, ")");
  if (how == "num") return cat("(!is_nan(", a, ") && !is_nan(", b, "))");
  if (how == "nan") return cat("(is_nan(", a, ") || is_nan(", b, "))");
  if (p != plain.end() && how[0] != 'l' && how != "hi" && how != "hs")
    return cat("(", a, " ", p->second, " ", b, ")");
  if (how == "lt" || how == "le") return cat("(", a, " ", p->second, " ", b, ")");
  if (how == "equ") return cat("!(", a, " < ", b, " || ", a, " > ", b, ")");
  if (how == "neu") return cat("(", a, " != ", b, ")");
  if (how == "ltu") return cat("!(", a, " >= ", b, ")");
  if (how == "leu") return cat("!(", a, " > ", b, ")");
  if (how == "gtu") return cat("!(", a, " <= ", b, ")");
  if (how == "geu") return cat("!(", a, " < ", b, ")");
  e.unsupported(i, "comparison " + how);
}

// One lane of an operand, as a C++ value that compares.
std::string comparable(Emitter& e, const Instruction& i, const Operand& o, Type t, uint32_t lane) {
  if (t.is_float() && t.bits == 16) {
    const std::string bits = t.lanes == 2
                                 ? cat("(u16)(", e.value(o, kU32, i), " >> ", 16 * lane, ")")
                                 : e.value(o, t, i);
    return cat(t.kind == Kind::kBrain ? "Brain" : "Half", "::widen(", bits, ")");
  }
  const std::string v = e.value(o, t, i);
  return i.has("ftz") && t == kF32 ? cat("ftz(", v, ")") : v;
}

// setp.CmpOp{.BoolOp}{.ftz}.type: combines the comparison with predicate c.
std::string combined(Emitter& e, const Instruction& i, const std::string& test, bool complement) {
  const std::string r = complement ? cat("!", test) : test;
  for (const auto& [name, sign] : {std::pair{"and", " & "}, {"or", " | "}, {"xor", " ^ "}}) {
    if (i.has(name)) return cat("(bool)(", r, sign, e.value(i.operands.at(3), kPred, i), ")");
  }
  return r;
}

}  // namespace

bool emit_compare(Emitter& e, const Instruction& i) {
  const std::string& op = i.parts[0];
  if (op == "selp") {
    e.allow(i, {});
    e.need_operands(i, 4, 4);
    const Type t = i.type();
    const bool keeps = e.holds_arithmetic_only(i.operands[0]);
    const auto v = [&](size_t k) {
      return keeps ? e.value(i.operands[k], t, i) : e.raw(i.operands[k], t, i);
    };
    e.assign(i.operands[0], t, cat(e.value(i.operands[3], kPred, i), " ? ", v(1), " : ", v(2)), i);
    return true;
  }
  if (op == "slct") {
    e.allow(i, {"ftz"});
    const Type t = i.type(0), c = i.type(1);
    const std::string test = cat(comparable(e, i, i.operands.at(3), c, 0), " >= 0");
    e.assign(i.operands[0], t,
             cat(test, " ? ", e.raw(i.operands[1], t, i), " : ", e.raw(i.operands[2], t, i)), i);
    return true;
  }
  e.allow(i, {"eq",  "ne",  "lt",  "le",  "gt",  "ge",  "lo",  "ls",  "hi", "hs",  "equ",
              "neu", "ltu", "leu", "gtu", "geu", "num", "nan", "and", "or", "xor", "ftz"});
  e.need_operands(i, 3, 4);
  const std::string how = i.parts[1];
  const bool combines = i.has("and") || i.has("or") || i.has("xor");
  if (combines != (i.operands.size() == 4)) e.unsupported(i, "number of operands");
  if (op == "setp") {
    const Type t = i.type();
    const Operand& to = i.operands[0];
    const bool pair = to.form == Operand::Form::kPair;
    const auto test = [&](uint32_t lane) {
      return comparison(e, i, how, t, comparable(e, i, i.operands[1], t, lane),
                        comparable(e, i, i.operands[2], t, lane));
    };
    if (!pair && t.lanes == 2) e.unsupported(i, "two lanes need two predicates");
    e.line("{");
    e.line(cat("const bool c0 = ", combined(e, i, test(0), false), ";"));
    if (pair)
      e.line(cat("const bool c1 = ",
                 t.lanes == 2 ? combined(e, i, test(1), false) : combined(e, i, test(0), true),
                 ";"));
    e.assign(pair ? to.parts[0] : to, kPred, "c0", i);
    if (pair) e.assign(to.parts[1], kPred, "c1", i);
    e.line("}");
    return true;
  }
  const Type d = i.type(0), s = i.type(1);
  const auto test = [&](uint32_t lane) {
    return combined(e, i,
                    comparison(e, i, how, s, comparable(e, i, i.operands[1], s, lane),
                               comparable(e, i, i.operands[2], s, lane)),
                    false);
  };
  if (s.lanes == 2) {
    const std::string yes = d.kind == Kind::kFloat   ? "0x3c00u"
                            : d.kind == Kind::kBrain ? "0x3f80u"
                                                     : "0xffffu";
    e.assign(i.operands[0], kU32,
             cat("(", test(0), " ? ", yes, " : 0u) | (", test(1), " ? ", yes, " << 16 : 0u)"), i);
  } else if (d == kF32) {
    e.assign(i.operands[0], d, cat(test(0), " ? 1.0f : 0.0f"), i);
  } else if (d.is_float()) {
    e.assign(i.operands[0], d,
             cat(test(0), d.kind == Kind::kBrain ? " ? 0x3f80u : 0u" : " ? 0x3c00u : 0u"), i);
  } else {
    e.assign(i.operands[0], kU32, cat(test(0), " ? 0xffffffffu : 0u"), i);
  }
  return true;
}

}  // namespace burin::softgpu
