// f32 and f64 arithmetic and the approximations.
#include "translate/emitter.h"

namespace burin::softgpu {
namespace {

// Results that PTX only approximates come out correctly rounded here, from double.
bool emit_approximation(Emitter& e, const Instruction& i, Type t) {
  static const std::map<std::string, std::string> through = {
      {"sin", "sin"}, {"cos", "cos"}, {"lg2", "log2"}, {"ex2", "exp2"}, {"tanh", "tanh"}};
  const std::string& op = i.parts[0];
  if (!through.contains(op) && op != "rcp" && op != "sqrt" && op != "rsqrt") return false;
  e.need_operands(i, 2, 2);
  const bool ftz = i.has("ftz");
  std::string a = e.value(i.operands[1], t, i);
  if (ftz && t.bits == 32) a = cat("ftz(", a, ")");
  std::string r;
  if (const auto f = through.find(op); f != through.end()) {
    if (t.bits != 32) return false;
    r = cat("(float)api->", f->second, "((double)", a, ")");
  } else if (t.bits == 64 && i.has("approx")) {
    // rcp.approx.ftz.f64, rsqrt.approx.f64: only the upper 32 bits of the result are significant.
    const std::string exact = op == "rcp" ? cat("1.0 / ", a) : cat("1.0 / __builtin_sqrt(", a, ")");
    r = cat("f64(bits(", exact, ") & 0xffffffff00000000ul)");
    if (op == "sqrt") return false;
  } else if (op == "rcp") {
    const uint32_t mode = rounding_mode(i);
    const char* one = t.bits == 32 ? "1.0f" : "1.0";
    r = mode == 0 ? cat(one, " / ", a)
                  : cat("api->div_f", t.bits, "(", one, ", ", a, ", ", mode, ")");
  } else if (op == "sqrt") {
    const uint32_t mode = rounding_mode(i);
    r = mode != 0 ? cat("api->sqrt_f", t.bits, "(", a, ", ", mode, ")")
                  : cat(t.bits == 32 ? "__builtin_sqrtf(" : "__builtin_sqrt(", a, ")");
  } else if (op == "rsqrt") {
    r = cat("(float)(1.0 / __builtin_sqrt((double)", a, "))");
  } else {
    return false;
  }
  if (ftz && t.bits == 32) r = cat("ftz(", r, ")");
  e.assign(i.operands[0], t, r, i, true);
  return true;
}

bool emit_sign(Emitter& e, const Instruction& i, Type t) {
  const std::string& op = i.parts[0];
  const auto v = [&](size_t k) { return e.value(i.operands.at(k), t, i); };
  const bool ftz = i.has("ftz") && t.bits == 32;
  if (op == "neg" || op == "abs") {
    const std::string a = ftz ? cat("ftz(", v(1), ")") : v(1);
    const char* f = op == "neg" ? "-" : t.bits == 32 ? "__builtin_fabsf" : "__builtin_fabs";
    e.assign(i.operands[0], t, cat(f, "(", a, ")"), i, true);
  } else if (op == "copysign") {
    e.assign(i.operands[0], t,
             cat("__builtin_copysign", t.bits == 32 ? "f(" : "(", v(2), ", ", v(1), ")"), i);
  } else if (op == "testp") {
    const std::string x = v(1);
    const std::map<std::string, std::string> tests = {
        {"finite", cat("__builtin_isfinite(", x, ")")},
        {"infinite", cat("__builtin_isinf(", x, ") != 0")},
        {"number", cat("!is_nan(", x, ")")},
        {"notanumber", cat("is_nan(", x, ")")},
        {"normal", cat("__builtin_isnormal(", x, ")")},
        {"subnormal",
         cat("(", x, " != 0 && __builtin_isfinite(", x, ") && !__builtin_isnormal(", x, "))")}};
    for (const auto& [name, code] : tests) {
      if (i.has(name)) return e.assign(i.operands[0], kPred, code, i), true;
    }
    return false;
  } else {
    return false;
  }
  return true;
}

}  // namespace

bool emit_float(Emitter& e, const Instruction& i) {
  const Type t = i.type();
  if (t.kind != Kind::kFloat || t.bits < 32) return false;
  const std::string& op = i.parts[0];
  e.allow(i, {"rn", "rz", "rm", "rp", "ftz", "sat", "approx", "full", "NaN", "xorsign", "abs",
              "finite", "infinite", "number", "notanumber", "normal", "subnormal"});
  if (i.types() != 1) e.unsupported(i, "mixed precision");
  if (emit_sign(e, i, t) || emit_approximation(e, i, t)) return true;
  const bool ftz = i.has("ftz") && t.bits == 32;
  const auto v = [&](size_t k) {
    const std::string x = e.value(i.operands.at(k), t, i);
    return ftz ? cat("ftz(", x, ")") : x;
  };
  const uint32_t mode = rounding_mode(i);
  const std::string width = cat("_f", t.bits, "(");
  std::string r;
  if (op == "add" || op == "sub") {
    e.need_operands(i, 3, 3);
    const std::string b = op == "sub" && mode != 0 ? cat("-", v(2)) : v(2);
    r = mode == 0 ? cat("(", v(1), op == "add" ? " + " : " - ", b, ")")
                  : cat("api->add", width, v(1), ", ", b, ", ", mode, ")");
  } else if (op == "mul") {
    e.need_operands(i, 3, 3);
    r = mode == 0 ? cat("(", v(1), " * ", v(2), ")")
                  : cat("api->mul", width, v(1), ", ", v(2), ", ", mode, ")");
  } else if (op == "div") {
    e.need_operands(i, 3, 3);
    r = mode == 0 ? cat("(", v(1), " / ", v(2), ")")
                  : cat("api->div", width, v(1), ", ", v(2), ", ", mode, ")");
  } else if (op == "fma" || op == "mad") {
    e.need_operands(i, 4, 4);
    const std::string args = cat(v(1), ", ", v(2), ", ", v(3));
    r = mode == 0 ? cat(t.bits == 32 ? "__builtin_fmaf(" : "__builtin_fma(", args, ")")
                  : cat("api->fma", width, args, ", ", mode, ")");
  } else if (op == "min" || op == "max") {
    e.need_operands(i, 3, 3);
    std::string a = v(1), b = v(2);
    if (i.has("xorsign")) a = cat("__builtin_fabsf(", a, ")"), b = cat("__builtin_fabsf(", b, ")");
    r = cat(op, i.has("NaN") ? "_nan(" : "_number(", a, ", ", b, ")");
    if (i.has("xorsign")) r = cat("with_sign(", r, ", ", v(1), ", ", v(2), ")");
  } else {
    return false;
  }
  if (ftz) r = cat("ftz(", r, ")");
  if (i.has("sat")) r = cat("saturate(", r, ")");
  e.assign(i.operands[0], t, r, i, true);
  return true;
}

}  // namespace burin::softgpu
