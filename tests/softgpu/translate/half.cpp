// f16, f16x2, bf16 and bf16x2 arithmetic: exact in double, rounded once.
#include "translate/emitter.h"

namespace burin::softgpu {
namespace {

std::string lane_expression(Emitter& e, const Instruction& i, const std::string& format,
                            const std::vector<std::string>& v) {
  const std::string& op = i.parts[0];
  std::string r;
  if (op == "add" || op == "sub" || op == "mul") {
    r = cat("narrow_", op, "<", format, ">(", v[0], ", ", v[1], ")");
  } else if (op == "fma") {
    r = cat("narrow_fma<", format, ">(", v[0], ", ", v[1], ", ", v[2], ")");
  } else if (op == "neg") {
    r = cat("(u16)(", v[0], " ^ 0x8000u)");
  } else if (op == "abs") {
    r = cat("(u16)(", v[0], " & 0x7fffu)");
  } else if (op == "min" || op == "max") {
    if (i.has("xorsign")) e.unsupported(i);
    r = cat("narrow_", op, "<", format, ">(", v[0], ", ", v[1], ", ",
            i.has("NaN") ? "true)" : "false)");
  } else {
    r = cat(format, "::round(api->", op == "ex2" ? "exp2" : "tanh", "((double)", format, "::widen(",
            v[0], ")))");
  }
  if (i.has("ftz")) r = cat("narrow_flush<", format, ">(", r, ")");
  if (i.has("sat")) r = cat("narrow_saturate<", format, ">(", r, ")");
  if (i.has("relu")) r = cat("narrow_relu<", format, ">(", r, ")");
  return r;
}

}  // namespace

bool emit_half(Emitter& e, const Instruction& i) {
  const Type t = i.type();
  const bool brain = t.kind == Kind::kBrain;
  if (!brain && !(t.kind == Kind::kFloat && t.bits == 16)) return false;
  // ex2.approx.ftz.bf16 flushes subnormal inputs and results; ex2.approx.f16 has no .ftz.
  const std::string& op = i.parts[0];
  e.allow(i, {"rn", "sat", "relu", "NaN", "approx", "xorsign", "abs", "ftz"});
  if (i.has("ftz") && op != "ex2") e.unsupported(i, "ftz of halves");
  const std::string format = brain ? "Brain" : "Half";
  const size_t count = i.operands.size() - 1;
  e.need_operands(i, 2, 4);
  if (t.lanes == 1) {
    std::vector<std::string> v;
    for (size_t k = 1; k <= count; ++k) v.push_back(e.value(i.operands[k], t, i));
    e.assign(i.operands[0], {Kind::kUnsigned, 16}, lane_expression(e, i, format, v), i);
    return true;
  }
  std::vector<std::string> low, high;
  for (size_t k = 1; k <= count; ++k) {
    const std::string v = e.value(i.operands[k], kU32, i);
    low.push_back(cat("(u16)(", v, ")"));
    high.push_back(cat("(u16)((", v, ") >> 16)"));
  }
  e.assign(i.operands[0], kU32,
           cat("(u32)", lane_expression(e, i, format, low), " | (u32)",
               lane_expression(e, i, format, high), " << 16"),
           i);
  return true;
}

}  // namespace burin::softgpu
