// Integer arithmetic.
#include "translate/emitter.h"

namespace burin::softgpu {
namespace {

Type widened(Type t) {
  return {t.kind, t.bits * 2, 1};
}

// add.cc, addc, sub.cc, subc, mad.cc, madc: a carry that lives between instructions.
void emit_carry(Emitter& e, const Instruction& i, Type t) {
  const std::string& op = i.parts[0];
  const bool wide = t.bits == 64;
  const std::string u = wide ? "unsigned __int128" : "u64";
  const Type unsigned_type{Kind::kUnsigned, t.bits};
  const bool reads = op == "addc" || op == "subc" || op == "madc";
  std::string a = e.value(i.operands[0 + 1], unsigned_type, i),
              b = e.value(i.operands[2], unsigned_type, i);
  e.line("{");
  if (op == "mad" || op == "madc") {
    const std::string signed_a = e.value(i.operands[1], t, i),
                      signed_b = e.value(i.operands[2], t, i);
    a = i.has("hi") ? cat("(u", t.bits, ")mul_hi((", c_type(t), ")", signed_a, ", (", c_type(t),
                          ")", signed_b, ")")
                    : cat("(u", t.bits, ")(", a, " * ", b, ")");
    b = e.value(i.operands[3], unsigned_type, i);
  }
  if (op == "sub" || op == "subc") {
    e.line(cat("const ", u, " w = (", u, ")", a, " - ", b, reads ? " - carry" : "", ";"));
  } else {
    e.line(cat("const ", u, " w = (", u, ")", a, " + ", b, reads ? " + carry" : "", ";"));
  }
  if (i.has("cc")) e.line(cat("carry = (u32)(w >> ", t.bits, ") & 1;"));
  e.assign(i.operands[0], unsigned_type, cat("(u", t.bits, ")w"), i);
  e.line("}");
}

void emit_mul_mad(Emitter& e, const Instruction& i, Type t) {
  const bool mad = i.parts[0] == "mad";
  e.need_operands(i, mad ? 4 : 3, mad ? 4 : 3);
  const std::string a = e.value(i.operands[1], t, i), b = e.value(i.operands[2], t, i);
  const std::string c = c_type(t);
  if (i.has("wide")) {
    const Type w = widened(t);
    const std::string wide = cat("(", c_type({Kind::kUnsigned, w.bits}), ")((", c_type(w), ")(", c,
                                 ")", a, " * (", c_type(w), ")(", c, ")", b, ")");
    e.assign(i.operands[0], w,
             mad ? cat(wide, " + ", e.value(i.operands[3], {Kind::kUnsigned, w.bits}, i)) : wide,
             i);
    return;
  }
  const Type ut{Kind::kUnsigned, t.bits};
  const std::string low =
      cat("(u64)", e.value(i.operands[1], ut, i), " * (u64)", e.value(i.operands[2], ut, i));
  const std::string product = i.has("hi") ? cat("mul_hi((", c, ")", a, ", (", c, ")", b, ")") : low;
  if (!mad) return e.assign(i.operands[0], t, product, i);
  if (i.has("sat")) {
    if (!i.has("hi") || t != kS32) e.unsupported(i);
    return e.assign(i.operands[0], t,
                    cat("add_saturated(", product, ", ", e.value(i.operands[3], t, i), ")"), i);
  }
  e.assign(i.operands[0], ut, cat("(u64)(", product, ") + (u64)", e.value(i.operands[3], ut, i)),
           i);
}

void emit_dot(Emitter& e, const Instruction& i) {
  e.allow(i, {"lo", "hi"});
  const bool four = i.parts[0] == "dp4a";
  const Type ta = i.type(0), tb = i.type(1);
  const char* signed_result = ta.is_signed() || tb.is_signed() ? "s32" : "u32";
  const std::string a = e.value(i.operands[1], kU32, i), b = e.value(i.operands[2], kU32, i);
  const std::string width = four ? "8" : "16";
  std::string sum = e.value(i.operands[3], kU32, i);
  for (int k = 0; k < (four ? 4 : 2); ++k) {
    const int shift_b = four ? 8 * k : 8 * k + (i.has("hi") ? 16 : 0);
    sum += cat(" + (u32)((", signed_result, ")(", ta.is_signed() ? "s" : "u", width, ")(", a,
               " >> ", k * (four ? 8 : 16), ") * (", signed_result, ")(",
               tb.is_signed() ? "s8" : "u8", ")(", b, " >> ", shift_b, "))");
  }
  e.assign(i.operands[0], kU32, sum, i);
}

}  // namespace

bool emit_integer(Emitter& e, const Instruction& i) {
  const std::string& op = i.parts[0];
  if (op == "dp4a" || op == "dp2a") return emit_dot(e, i), true;
  const Type t = i.type();
  if (t.is_float() || t.kind == Kind::kBits || t.bits < 16) return false;
  e.allow(i, {"lo", "hi", "wide", "sat", "cc"});
  const std::string c = c_type(t);
  if (i.has("cc") || op == "addc" || op == "subc" || op == "madc") return emit_carry(e, i, t), true;
  if (op == "mul" || op == "mad") return emit_mul_mad(e, i, t), true;
  const Type ut{Kind::kUnsigned, t.bits};
  const auto a = [&](Type as) { return e.value(i.operands.at(1), as, i); };
  const auto b = [&](Type as) { return e.value(i.operands.at(2), as, i); };
  const auto set = [&](const std::string& x, Type as) {
    return e.assign(i.operands[0], as, x, i), true;
  };
  if (op == "add" || op == "sub") {
    e.need_operands(i, 3, 3);
    if (i.has("sat")) {
      if (t != kS32) e.unsupported(i);
      return set(cat(op, "_saturated(", a(t), ", ", b(t), ")"), t);
    }
    return set(cat(a(ut), op == "add" ? " + " : " - ", b(ut)), ut);
  }
  if (op == "div") return set(cat("divide<", c, ">(", a(t), ", ", b(t), ")"), t);
  if (op == "rem") return set(cat("remainder<", c, ">(", a(t), ", ", b(t), ")"), t);
  if (op == "neg") return set(cat("(u64)0 - ", a(ut)), ut);
  if (op == "abs")
    return set(cat(a(t), " < 0 ? (", c_type(ut), ")((u64)0 - ", a(ut), ") : ", a(ut)), ut);
  if (op == "min" || op == "max") {
    return set(cat(a(t), op == "min" ? " < " : " > ", b(t), " ? ", a(t), " : ", b(t)), t);
  }
  if (op == "sad") {
    const std::string d = e.value(i.operands.at(3), ut, i);
    return set(cat(d, " + (", a(t), " < ", b(t), " ? ", b(ut), " - ", a(ut), " : ", a(ut), " - ",
                   b(ut), ")"),
               ut);
  }
  if (op == "mul24" || op == "mad24") {
    const auto low = [&](const std::string& x) {
      return t.is_signed() ? cat("(s64)((s32)(", x, " << 8) >> 8)")
                           : cat("(s64)(", x, " & 0xffffffu)");
    };
    const std::string part =
        cat("(u32)((", low(a(ut)), " * ", low(b(ut)), ")", i.has("hi") ? " >> 16)" : ")");
    return set(op == "mul24" ? part : cat(part, " + ", e.value(i.operands.at(3), ut, i)), ut);
  }
  return false;
}

}  // namespace burin::softgpu
