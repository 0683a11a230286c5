#include "ptx/body_parser.h"

#include <algorithm>
#include <cctype>
#include <memory>
#include <utility>

namespace burin::softgpu {

std::string BodyParser::fresh(std::string_view name) {
  std::string c = "v" + std::to_string(counter_++) + "_";
  for (const char ch : name) c += std::isalnum(static_cast<unsigned char>(ch)) ? ch : '_';
  return c;
}

void BodyParser::block() {
  prescan_labels();
  while (!accept("}")) {
    if (peek().form == Form::kEnd) fail("open function");
    if (accept("{")) {
      scopes_.emplace_back();
      block();
      scopes_.pop_back();
    } else {
      statement();
    }
  }
}

void BodyParser::prescan_labels() {
  int depth = 0;
  for (size_t i = at_; i < tokens_.size(); ++i) {
    const Token& t = tokens_[i];
    if (t.is("{")) ++depth;
    if (t.is("}") && depth-- == 0) break;
    if (depth == 0 && t.form == Form::kWord && i + 1 < tokens_.size() && tokens_[i + 1].is(":")) {
      const bool after_end = tokens_[i - 1].is(";") || tokens_[i - 1].is("{") ||
                             tokens_[i - 1].is("}") || tokens_[i - 1].is(":") ||
                             tokens_[i - 1].line != t.line;
      if (after_end) scopes_.back().labels[std::string(t.text)] = fresh(t.text);
    }
  }
}

void BodyParser::statement() {
  const Token& t = peek();
  if (accept(";")) return;
  if (t.form == Form::kWord && peek(1).is(":")) return label();
  if (t.is(".reg")) return registers();
  if (t.is(".loc")) return places_.read(*this);
  if (t.is(".file")) {
    take();
    return file();
  }
  if (t.is(".pragma")) {
    while (!accept(";")) take();
    return;
  }
  if (t.is(".local") || t.is(".shared") || t.is(".param") || t.is(".const") || t.is(".global")) {
    auto v = variable(std::string(take().text.substr(1)));
    v->cname = fresh(v->name);
    scopes_.back().variables[v->name] = v.get();
    function_->variables.push_back(std::move(v));
    return;
  }
  if (t.text[0] == '.') fail("directive " + std::string(t.text) + " is not supported");
  instruction();
}

void BodyParser::label() {
  const std::string name = word();
  expect(":");
  if (accept(".branchtargets")) {
    auto& list = function_->branch_targets[name];
    do list.push_back(find_label(word()));
    while (accept(","));
    expect(";");
    return;
  }
  if (peek().is(".callprototype")) {
    while (!accept(";")) take();
    return;
  }
  Instruction i;
  i.line = peek().line;
  i.label = find_label(name);
  function_->body.push_back(std::move(i));
}

std::string BodyParser::find_label(const std::string& name) const {
  for (size_t i = scopes_.size(); i-- > 0;) {
    const auto found = scopes_[i].labels.find(name);
    if (found != scopes_[i].labels.end()) return found->second;
  }
  fail("unknown label " + name);
}

void BodyParser::registers() {
  take();
  std::string w = word();
  if (w == ".v2" || w == ".v4") fail("vector registers are not supported");
  const Type type = parse_type(w.substr(1));
  if (type.kind == Kind::kNone) fail("register type " + w + " is not supported");
  do {
    const std::string name = word();
    uint64_t count = 0;
    if (accept("<")) {
      count = integer();
      expect(">");
      for (uint64_t i = 0; i < count; ++i) add_register(name + std::to_string(i), type);
    } else {
      add_register(name, type);
    }
  } while (accept(","));
  expect(";");
}

void BodyParser::add_register(const std::string& name, Type type) {
  auto r = std::make_unique<Register>();
  r->name = fresh(name);
  r->type = type;
  scopes_.back().registers[name] = r.get();
  function_->registers.push_back(std::move(r));
}

void BodyParser::instruction() {
  Instruction i;
  i.line = peek().line;
  i.source_file = places_.outer()[0], i.source_line = places_.outer()[1];
  i.inner_file = places_.inner()[0], i.inner_line = places_.inner()[1];
  if (accept("@")) {
    const bool negated = accept("!");
    i.guard = operand();
    i.guard.negated = negated;
  }
  i.opcode = word();
  size_t from = 0;
  while (from <= i.opcode.size()) {
    const size_t dot = std::min(i.opcode.find('.', from), i.opcode.size());
    i.parts.push_back(i.opcode.substr(from, dot - from));
    from = dot + 1;
  }
  while (!accept(";")) {
    i.operands.push_back(operand());
    while (accept("|")) {
      Operand pair;
      pair.form = Operand::Form::kPair;
      pair.parts.push_back(std::move(i.operands.back()));
      pair.parts.push_back(operand());
      i.operands.back() = std::move(pair);
    }
    if (!accept(",") && !peek().is(";") && !peek().is("(") && peek().form != Form::kWord) {
      fail("unexpected '" + std::string(peek().text) + "' after an operand of " + i.opcode);
    }
  }
  function_->body.push_back(std::move(i));
}

Operand BodyParser::operand() {
  Operand o;
  if (accept("!")) {
    o = operand();
    o.negated = true;
    return o;
  }
  if (accept("[")) {
    o.form = Operand::Form::kMemory;
    o.parts.push_back(operand());
    if (accept("+"))
      o.integer = integer();
    else if (accept("-"))
      o.integer = ~integer() + 1;
    expect("]");
    return o;
  }
  if (accept("{")) return list(Operand::Form::kVector, "}");
  if (accept("(")) return list(Operand::Form::kList, ")");
  const bool minus = accept("-");
  const Token& t = peek();
  if (t.form == Form::kInteger) {
    o.form = Operand::Form::kInteger;
    o.integer = minus ? ~take().integer + 1 : take().integer;
    return o;
  }
  if (t.form == Form::kFloatBits) {
    o.form = Operand::Form::kFloatBits;
    o.float_width = t.float_width;
    o.integer = take().integer ^ (minus ? 1ul << (o.float_width - 1) : 0);
    return o;
  }
  if (minus || t.form != Form::kWord) fail("unexpected '" + std::string(t.text) + "'");
  return name_operand(word());
}

Operand BodyParser::list(Operand::Form form, std::string_view end) {
  Operand o;
  o.form = form;
  while (!accept(end)) {
    o.parts.push_back(operand());
    accept(",");
  }
  return o;
}

Operand BodyParser::name_operand(const std::string& name) {
  Operand o;
  o.name = name;
  if (name == "_") return o;
  for (size_t i = scopes_.size(); i-- > 0;) {
    if (const auto r = scopes_[i].registers.find(name); r != scopes_[i].registers.end()) {
      o.form = Operand::Form::kRegister;
      o.reg = r->second;
      o.reg->used = true;
      return o;
    }
    if (const auto v = scopes_[i].variables.find(name); v != scopes_[i].variables.end()) {
      o.form = Operand::Form::kSymbol;
      o.variable = v->second;
      return o;
    }
    if (const auto l = scopes_[i].labels.find(name); l != scopes_[i].labels.end()) {
      o.form = Operand::Form::kSymbol;
      o.name = l->second;
      return o;
    }
  }
  o.form = name[0] == '%' || name == "WARP_SZ" ? Operand::Form::kSpecial : Operand::Form::kSymbol;
  const auto v = module_.variables.find(name);
  if (v != module_.variables.end()) o.variable = v->second.get();
  if (peek().is("+") && o.form == Operand::Form::kSymbol && peek(1).form == Form::kInteger &&
      !tokens_[at_ - 2].is("[")) {
    take();
    o.integer = integer();
  }
  return o;
}

}  // namespace burin::softgpu
