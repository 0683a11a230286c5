// cvt: between integers, floats and halves, with rounding and saturation.
#include "translate/emitter.h"

namespace burin::softgpu {
namespace {

bool is_half(Type t) {
  return t.is_float() && t.bits == 16;
}
const char* format_of(Type t) {
  return t.kind == Kind::kBrain ? "Brain" : "Half";
}

// A floating operand as a float or double expression.
std::string widened(Emitter& e, const Instruction& i, const Operand& o, Type t) {
  const std::string v = e.value(o, t, i);
  if (is_half(t)) return cat(format_of(t), "::widen(", v, ")");
  return t.bits == 32 && i.has("ftz") ? cat("ftz(", v, ")") : v;
}

bool rounds_to_integer(const Instruction& i) {
  return i.has("rni") || i.has("rmi") || i.has("rpi") || i.has("rzi");
}

std::string narrowed(const Instruction& i, Type to, const std::string& wide) {
  std::string r = cat(format_of(to), "::round((double)(", wide, "), ", rounding_mode(i), ")");
  if (i.has("satfinite")) r = cat("narrow_finite<", format_of(to), ">(", r, ")");
  if (i.has("sat")) r = cat("narrow_saturate<", format_of(to), ">(", r, ")");
  if (i.has("relu")) r = cat("narrow_relu<", format_of(to), ">(", r, ")");
  return r;
}

void from_integer(Emitter& e, const Instruction& i, Type to, Type from) {
  const std::string a = e.value(i.operands[1], from, i);
  if (!to.is_float()) {
    const std::string r = i.has("sat")
                              ? cat("clamp_integer<", c_type(to), ", ", c_type(from), ">(", a, ")")
                              : cat("(", c_type(to), ")(", c_type(from), ")(", a, ")");
    return e.assign(i.operands[0], to, r, i);
  }
  const uint32_t mode = rounding_mode(i);
  const std::string wide = from.is_signed() ? cat("(s64)(s", from.bits, ")", a) : cat("(u64)", a);
  const char sign = from.is_signed() ? 's' : 'u';
  if (is_half(to)) {
    // Above 2^53 the double itself would round; halves of such numbers are kept exact by parts.
    const std::string high = cat("(double)((", wide, ") >> 32) * 4294967296.0");
    const std::string low = cat("(double)(u32)(", wide, ")");
    return e.assign(i.operands[0], {Kind::kUnsigned, 16},
                    narrowed(i, to, cat("add_to_odd(", high, ", ", low, ")")), i);
  }
  const char* c = to.bits == 32 ? "float" : "double";
  std::string r = mode == 0 ? cat("(", c, ")(", wide, ")")
                            : cat("api->", std::string(1, sign), "64_to_f", to.bits, "(", wide,
                                  ", ", mode, ")");
  if (i.has("sat")) r = cat("saturate(", r, ")");
  e.assign(i.operands[0], to, r, i, true);
}

void float_to_float(Emitter& e, const Instruction& i, Type to, Type from) {
  std::string a = widened(e, i, i.operands[1], from);
  const uint32_t mode = rounding_mode(i);
  if (rounds_to_integer(i)) a = cat("round_integer((double)(", a, "), ", mode, ")");
  if (to.kind == Kind::kTf32) {
    if (!i.has("rna")) e.unsupported(i);
    return e.assign(i.operands[0], kU32, cat("round_tf32(", a, ")"), i);
  }
  if (is_half(to)) {
    // A half converted to the same half with .rni: exact either way.
    return e.assign(
        i.operands[0], {Kind::kUnsigned, 16},
        rounds_to_integer(i) ? cat(format_of(to), "::round(", a, ")") : narrowed(i, to, a), i);
  }
  std::string r = a;
  if (to.bits == 32) {
    r = from.bits == 64 && mode != 0 && !rounds_to_integer(i)
            ? cat("api->f64_to_f32(", a, ", ", mode, ")")
            : cat("(float)(", a, ")");
    if (i.has("ftz")) r = cat("ftz(", r, ")");
  } else {
    r = cat("(double)(", a, ")");
  }
  if (i.has("sat")) r = cat("saturate(", r, ")");
  if (i.has("relu")) e.unsupported(i);
  e.assign(i.operands[0], to, r, i, true);
}

}  // namespace

bool emit_convert(Emitter& e, const Instruction& i) {
  e.allow(i, {"rn", "rz", "rm", "rp", "rna", "rni", "rzi", "rmi", "rpi", "ftz", "sat", "relu",
              "satfinite"});
  const Type to = i.type(0), from = i.type(1);
  if (to.lanes == 2) {
    // cvt.rn.f16x2.f32 d, a, b: a becomes the upper half.
    if (from != kF32) e.unsupported(i);
    e.need_operands(i, 3, 3);
    e.assign(i.operands[0], kU32,
             cat("(u32)", narrowed(i, to, widened(e, i, i.operands[1], from)), " << 16 | ",
                 narrowed(i, to, widened(e, i, i.operands[2], from))),
             i);
    return true;
  }
  e.need_operands(i, 2, 2);
  if (from.lanes == 2) e.unsupported(i);
  if (!from.is_float()) {
    from_integer(e, i, to, from);
  } else if (!to.is_float() && to.kind != Kind::kTf32) {
    if (!rounds_to_integer(i)) e.unsupported(i, "no rounding");
    e.assign(i.operands[0], to,
             cat("to_integer<", c_type(to), ">(round_integer((double)",
                 widened(e, i, i.operands[1], from), ", ", rounding_mode(i), "))"),
             i);
  } else {
    float_to_float(e, i, to, from);
  }
  return true;
}

}  // namespace burin::softgpu
