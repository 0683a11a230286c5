// Branches, calls, barriers, the end of a thread.
#include "translate/emitter.h"

namespace burin::softgpu {
namespace {

void emit_branch(Emitter& e, const Instruction& i) {
  e.allow(i, {"uni"});
  const std::string label = e.label_name(i.operands.at(0), i);
  if (e.is_backward(label)) e.line(cat("burn(t, ", i.line, ");"));
  e.line(cat("goto ", label, ";"));
}

void emit_indexed_branch(Emitter& e, const Instruction& i) {
  if (!i.has("idx")) e.unsupported(i);
  const auto targets = e.function().branch_targets.find(i.operands.at(1).name);
  if (targets == e.function().branch_targets.end()) e.unsupported(i, "no list of targets");
  e.line(cat("switch (", e.value(i.operands[0], kU32, i), ") {"));
  for (size_t k = 0; k < targets->second.size(); ++k) {
    const std::string& label = targets->second[k];
    e.line(cat("case ", k, ":"));
    if (e.is_backward(label)) e.line(cat("burn(t, ", i.line, ");"));
    e.line(cat("goto ", label, ";"));
  }
  e.line(cat("default: api->trap(t, ", i.line, "); __builtin_unreachable(); }"));
}

// Functions that the device runtime provides.
bool emit_builtin(Emitter& e, const Instruction& i, const std::string& name,
                  const std::vector<std::string>& results, const std::vector<std::string>& args) {
  const auto u64_at = [&](size_t k) { return cat("get<u64>(", args.at(k), ")"); };
  if (name == "vprintf") {
    e.line(cat("put<s32>(", results.at(0), ", api->print(t, ", u64_at(0), ", ", u64_at(1), ", ",
               i.line, "));"));
  } else if (name == "__assertfail") {
    e.line(cat("api->assert_fail(t, ", u64_at(0), ", ", u64_at(1), ", get<u32>(", args.at(2), "), ",
               u64_at(3), ", ", i.line, ");"));
  } else if (name == "malloc") {
    e.line(cat("put<u64>(", results.at(0), ", api->device_malloc(t, ", u64_at(0), "));"));
  } else if (name == "free") {
    e.line(cat("api->device_free(t, ", u64_at(0), ", ", i.line, ");"));
  } else {
    return false;
  }
  return true;
}

void emit_call(Emitter& e, const Instruction& i) {
  e.allow(i, {"uni"});
  size_t at = 0;
  std::vector<std::string> results, args;
  const auto names = [&](const Operand& list, std::vector<std::string>& to) {
    for (const Operand& o : list.parts) {
      if (o.variable == nullptr || o.variable->space != "param")
        e.unsupported(i, "argument that is no .param variable");
      to.push_back(o.variable->cname);
    }
  };
  if (i.operands.at(0).form == Operand::Form::kList) names(i.operands[at++], results);
  const Operand& target = i.operands.at(at++);
  if (at < i.operands.size() && i.operands[at].form == Operand::Form::kList)
    names(i.operands[at++], args);
  std::string list = "(t", types = "(*)(Thread*";
  for (const std::string& r : results) list += cat(", ", r), types += ", u8*";
  for (const std::string& a : args) list += cat(", ", a), types += ", u8*";
  if (target.form == Operand::Form::kRegister) {
    e.line(cat("reinterpret_cast<void ", types, ")>(", e.value(target, kU64, i), ")", list, ");"));
    return;
  }
  const auto f = e.unit().module->functions.find(target.name);
  if (f == e.unit().module->functions.end()) e.unsupported(i, "unknown function " + target.name);
  if (f->second->is_declaration) {
    if (!emit_builtin(e, i, target.name, results, args))
      e.unsupported(i, "function without a body: " + target.name);
    return;
  }
  e.unit().callees.insert(target.name);
  e.line(cat("f_", target.name, list, ");"));
}

void emit_barrier(Emitter& e, const Instruction& i) {
  e.allow(i, {"sync", "arrive", "red", "warp", "cta", "aligned", "popc", "and", "or"});
  if (i.has("warp")) {
    e.line(cat("{ WarpArgs w; api->warp(t, WarpOp::kSyncWarp, ", e.value(i.operands.at(0), kU32, i),
               ", &w, ", i.line, "); }"));
    return;
  }
  const size_t first = i.has("red") ? 1 : 0;
  const std::string id = e.value(i.operands.at(first), kU32, i);
  const size_t extra = i.has("red") ? 1 : 0;
  const bool counted = i.operands.size() > first + 1 + extra;
  const std::string count = counted ? e.value(i.operands[first + 1], kU32, i) : "0";
  if (i.has("red")) {
    const Operand& value = i.operands.back();
    const int operation = i.has("popc") ? 0 : i.has("and") ? 1 : 2;
    const std::string call = cat("api->barrier_reduce(t, ", id, ", ", count, ", ", operation, ", ",
                                 e.value(value, kPred, i), ", ", i.line, ")");
    e.assign(i.operands[0], i.has("popc") ? kU32 : kPred, i.has("popc") ? call : cat(call, " != 0"),
             i);
    return;
  }
  e.line(cat(i.has("arrive") ? "api->barrier_arrive(t, " : "api->barrier(t, ", id, ", ", count,
             ", ", i.line, ");"));
}

}  // namespace

bool emit_control(Emitter& e, const Instruction& i) {
  const std::string& op = i.parts[0];
  if (op == "bra") {
    emit_branch(e, i);
  } else if (op == "brx") {
    emit_indexed_branch(e, i);
  } else if (op == "call") {
    emit_call(e, i);
  } else if (op == "ret") {
    e.line("return;");
  } else if (op == "exit") {
    e.line(e.function().is_entry ? "return;" : "api->exit(t); __builtin_unreachable();");
  } else if (op == "bar" || op == "barrier") {
    emit_barrier(e, i);
  } else if (op == "trap") {
    e.line(cat("api->trap(t, ", i.line, "); __builtin_unreachable();"));
  } else if (op == "membar" || op == "fence") {
    // One thread runs at a time: every write is seen at once. Unknown fences are still refused.
    e.allow(i, {"cta", "gl", "gpu", "sys", "sc", "acq_rel", "acquire", "release"});
  } else if (op == "nanosleep") {
    e.line(cat("burn(t, ", i.line, ");"));
  }
  return true;  // brkpt, pmevent: for debuggers and profilers
}

}  // namespace burin::softgpu
