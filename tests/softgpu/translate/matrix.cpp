// Matrix instructions: operands are gathered here, the product is made in core/warp.cpp.
#include "translate/emitter.h"

namespace burin::softgpu {
namespace {

void emit_ldmatrix(Emitter& e, const Instruction& i) {
  e.allow(i, {"sync", "aligned", "m8n8", "x1", "x2", "x4", "trans", "shared", "shared::cta"});
  if (i.type().bits != 16) e.unsupported(i);
  const uint32_t n = i.has("x4") ? 4 : i.has("x2") ? 2 : 1;
  const Operand& to = i.operands.at(0);
  // Lane 8 m + r gives the address of row r of matrix m.
  e.line(cat("{ WarpArgs w; w.rows = ", n, "; w.columns = ", i.has("trans") ? 1 : 0, ";"));
  e.line(cat("if (t->lane < ", 8 * n, ") { const u8* const row = ",
             e.access(i.operands.at(1), Emitter::state_space(i), 16, "kRead", false, i), ";"));
  e.line("for (u32 k = 0; k < 4; ++k) w.in[k] = get<u32>(row + 4 * k); }");
  e.line(cat("api->warp(t, WarpOp::kLdMatrix, ~0u, &w, ", i.line, ");"));
  if (to.form != Operand::Form::kVector) {
    e.assign(to, kB32, "w.out[0]", i);
  } else {
    if (to.parts.size() != n) e.unsupported(i, "number of registers");
    for (uint32_t k = 0; k < n; ++k) e.assign(to.parts[k], kB32, cat("w.out[", k, "]"), i);
  }
  e.line("}");
}

void emit_mma(Emitter& e, const Instruction& i) {
  e.allow(i, {"sync", "aligned", "row", "col", "m16n8k4", "m16n8k8", "m16n8k16"});
  if (i.types() != 4 || !i.has("row") || !i.has("col")) e.unsupported(i);
  const Type d = i.type(0), a = i.type(1), b = i.type(2), c = i.type(3);
  const uint32_t depth = i.has("m16n8k4") ? 4 : i.has("m16n8k8") ? 8 : 16;
  const char* kind = a.kind == Kind::kTf32 ? "kTf32" : a.kind == Kind::kBrain ? "kBf16" : "kF16";
  const uint32_t a_bits = a.kind == Kind::kTf32 ? 32 : a.bits;
  if (!(a == b) || !(c == d) || (a.kind != Kind::kTf32 && a_bits != 16)) e.unsupported(i);
  if (a_bits == 32 ? depth == 16 : depth == 4) e.unsupported(i);
  if (d != kF32 && !(d.kind == Kind::kFloat && d.bits == 16 && a.kind == Kind::kFloat))
    e.unsupported(i);
  const size_t a_count = 16 * depth * a_bits / 32 / 32, b_count = 8 * depth * a_bits / 32 / 32;
  const size_t c_count = d.bits == 32 ? 4 : 2;
  e.need_operands(i, 4, 4);
  const size_t counts[4] = {c_count, a_count, b_count, c_count};
  for (size_t k = 0; k < 4; ++k) {
    const Operand& o = i.operands[k];
    if (o.form != Operand::Form::kVector || o.parts.size() != counts[k])
      e.unsupported(i, "number of registers");
  }
  e.line(cat("{ WarpArgs w; w.rows = 16; w.columns = 8; w.depth = ", depth,
             "; w.type = MatrixType::", kind,
             "; w.half_accumulator = ", d.bits == 16 ? "true;" : "false;"));
  size_t at = 0;
  for (size_t k = 1; k < 4; ++k) {
    for (const Operand& o : i.operands[k].parts)
      e.line(cat("w.in[", at++, "] = ", e.raw(o, kB32, i), ";"));
  }
  e.line(cat("api->warp(t, WarpOp::kMma, ~0u, &w, ", i.line, ");"));
  for (size_t k = 0; k < c_count; ++k)
    e.assign(i.operands[0].parts[k], kB32, cat("w.out[", k, "]"), i);
  e.line("}");
}

}  // namespace

bool emit_matrix(Emitter& e, const Instruction& i) {
  const std::string& op = i.parts[0];
  if (op == "ldmatrix") return emit_ldmatrix(e, i), true;
  if (op == "mma") return emit_mma(e, i), true;
  return false;
}

}  // namespace burin::softgpu
