// Instructions that a warp carries out together.
#include "translate/emitter.h"

namespace burin::softgpu {
namespace {

void call(Emitter& e, const Instruction& i, std::string_view what, const Operand& mask) {
  e.line(cat("api->warp(t, WarpOp::", what, ", ", e.value(mask, kU32, i), ", &w, ", i.line, ");"));
}

void emit_shuffle(Emitter& e, const Instruction& i) {
  e.allow(i, {"sync", "idx", "up", "down", "bfly"});
  if (!i.has("sync")) e.unsupported(i);
  e.need_operands(i, 5, 5);
  const bool pair = i.operands[0].form == Operand::Form::kPair;
  e.line(cat("w.in[0] = ", e.raw(i.operands[1], kB32, i), ";"));
  e.line(cat("w.in[2] = ", e.value(i.operands[2], kU32, i), ";"));
  e.line(cat("w.in[3] = ", e.value(i.operands[3], kU32, i), ";"));
  call(e, i,
       i.has("idx")    ? "kShflIdx"
       : i.has("up")   ? "kShflUp"
       : i.has("down") ? "kShflDown"
                       : "kShflBfly",
       i.operands[4]);
  e.assign(pair ? i.operands[0].parts[0] : i.operands[0], kB32, "w.out[0]", i);
  if (pair) e.assign(i.operands[0].parts[1], kPred, "w.out_predicate != 0", i);
}

void emit_vote(Emitter& e, const Instruction& i) {
  e.allow(i, {"sync", "all", "any", "uni", "ballot"});
  if (!i.has("sync")) e.unsupported(i);
  e.line(cat("w.in[0] = ", e.value(i.operands.at(1), kPred, i), ";"));
  call(e, i,
       i.has("all")   ? "kVoteAll"
       : i.has("any") ? "kVoteAny"
       : i.has("uni") ? "kVoteUni"
                      : "kVoteBallot",
       i.operands.at(2));
  if (i.has("ballot"))
    e.assign(i.operands[0], kB32, "w.out[0]", i);
  else
    e.assign(i.operands[0], kPred, "w.out[0] != 0", i);
}

void emit_match(Emitter& e, const Instruction& i) {
  e.allow(i, {"sync", "any", "all"});
  const Type t = i.type();
  const bool pair = i.operands[0].form == Operand::Form::kPair;
  e.line(cat("const u64 v = ", e.raw(i.operands.at(1), t, i), ";"));
  e.line("w.in[0] = (u32)v; w.in[1] = (u32)(v >> 32);");
  call(e, i, i.has("any") ? "kMatchAny" : "kMatchAll", i.operands.at(2));
  e.assign(pair ? i.operands[0].parts[0] : i.operands[0], kB32, "w.out[0]", i);
  if (pair) e.assign(i.operands[0].parts[1], kPred, "w.out_predicate != 0", i);
}

void emit_redux(Emitter& e, const Instruction& i) {
  e.allow(i, {"sync", "add", "min", "max", "and", "or", "xor"});
  const Type t = i.type();
  if (t.is_float()) e.unsupported(i);
  e.line(cat("w.in[0] = ", e.value(i.operands.at(1), kU32, i), ";"));
  const char sign = t.is_signed() ? 'S' : 'U';
  std::string what = "kReduxAdd";
  if (i.has("min")) what = cat("kReduxMin", std::string(1, sign));
  if (i.has("max")) what = cat("kReduxMax", std::string(1, sign));
  if (i.has("and")) what = "kReduxAnd";
  if (i.has("or")) what = "kReduxOr";
  if (i.has("xor")) what = "kReduxXor";
  call(e, i, what, i.operands.at(2));
  e.assign(i.operands[0], kU32, "w.out[0]", i);
}

}  // namespace

bool emit_warp(Emitter& e, const Instruction& i) {
  const std::string& op = i.parts[0];
  if (op == "activemask") {
    e.assign(i.operands.at(0), kU32, cat("api->activemask(t, ", i.line, ")"), i);
    return true;
  }
  e.line("{ WarpArgs w;");
  if (op == "shfl") emit_shuffle(e, i);
  if (op == "vote") emit_vote(e, i);
  if (op == "match") emit_match(e, i);
  if (op == "redux") emit_redux(e, i);
  e.line("}");
  return true;
}

}  // namespace burin::softgpu
