// Logic, shifts, bit fields, byte permutation.
#include "translate/emitter.h"

namespace burin::softgpu {

bool emit_bits(Emitter& e, const Instruction& i) {
  const std::string& op = i.parts[0];
  e.allow(i, {"l", "r", "wrap", "clamp", "shiftamt", "f4e", "b4e", "rc8", "ecl", "ecr", "rc16",
              "mode"});
  const Type t = i.type();
  const std::string c = c_type(t);
  const auto v = [&](size_t k, Type as) { return e.value(i.operands.at(k), as, i); };
  const auto set = [&](const std::string& x, Type as) {
    return e.assign(i.operands[0], as, x, i), true;
  };
  if (op == "and" || op == "or" || op == "xor") {
    const char* sign = op == "and" ? " & " : op == "or" ? " | " : " ^ ";
    return set(cat(v(1, t), sign, v(2, t)), t);
  }
  if (op == "not")
    return set(t.kind == Kind::kPredicate ? cat("!", v(1, t)) : cat("~", v(1, t)), t);
  if (op == "cnot") return set(cat(v(1, t), " == 0"), t);
  if (op == "lop3") {
    e.need_operands(i, 5, 5);
    if (i.operands[4].form != Operand::Form::kInteger) e.unsupported(i, "table is no constant");
    return set(cat("lop3(", v(1, kU32), ", ", v(2, kU32), ", ", v(3, kU32), ", ",
                   i.operands[4].integer, ")"),
               kU32);
  }
  if (op == "shl") return set(cat("shift_left<", c, ">(", v(1, t), ", ", v(2, kU32), ")"), t);
  if (op == "shr") {
    return set(cat("shift_right<", c, ">(", v(1, t), ", ", v(2, kU32), ")"), t);
  }
  if (op == "shf") {
    const std::string n = i.has("wrap") ? cat("(", v(3, kU32), " & 31)")
                                        : cat("(", v(3, kU32), " > 32 ? 32 : ", v(3, kU32), ")");
    return set(cat(i.has("l") ? "funnel_left(" : "funnel_right(", v(1, kU32), ", ", v(2, kU32),
                   ", ", n, ")"),
               kU32);
  }
  if (op == "prmt") {
    const char* modes[] = {"f4e", "b4e", "rc8", "ecl", "ecr", "rc16"};
    for (int m = 0; m < 6; ++m) {
      if (i.has(modes[m])) {
        return set(
            cat("permute_mode(", v(1, kU32), ", ", v(2, kU32), ", ", v(3, kU32), ", ", m, ")"),
            kU32);
      }
    }
    return set(cat("permute(", v(1, kU32), ", ", v(2, kU32), ", ", v(3, kU32), ")"), kU32);
  }
  if (op == "popc") return set(cat("(u32)__builtin_popcountl(", v(1, t), ")"), kU32);
  if (op == "clz") return set(cat("count_zeros(", v(1, t), ")"), kU32);
  if (op == "bfind") {
    return set(cat("find_top<", c, ">(", v(1, t), ", ", i.has("shiftamt") ? "true" : "false", ")"),
               kU32);
  }
  if (op == "brev") return set(cat("reverse_bits(", v(1, t), ")"), t);
  if (op == "bfe")
    return set(cat("extract_bits<", c, ">(", v(1, t), ", ", v(2, kU32), ", ", v(3, kU32), ")"), t);
  if (op == "bfi") {
    return set(cat("insert_bits<", c, ">(", v(1, t), ", ", v(2, t), ", ", v(3, kU32), ", ",
                   v(4, kU32), ")"),
               t);
  }
  if (op == "bmsk") {
    const std::string b = v(2, kU32), a = v(1, kU32);
    if (i.has("wrap")) {
      return set(cat("shift_left<u32>((shift_left<u32>(1u, ", b, " & 31) - 1), ", a, " & 31)"),
                 kU32);
    }
    return set(cat("shift_left<u32>((shift_left<u32>(1u, ", b, ") - 1), ", a, ")"), kU32);
  }
  return false;
}

}  // namespace burin::softgpu
