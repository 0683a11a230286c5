#include "ptx/parser.h"

#include <cstring>

#include "ptx/source_places.h"
#include "ptx/token_stream.h"

namespace burin::softgpu {
namespace {

using Form = Token::Form;

class Parser : private TokenStream {
 public:
  explicit Parser(std::string_view text) : TokenStream(text) {}

  Module run() {
    while (peek().form != Form::kEnd) directive();
    return std::move(module_);
  }

 private:
  struct Scope {
    std::map<std::string, Register*, std::less<>> registers;
    std::map<std::string, Variable*, std::less<>> variables;
    std::map<std::string, std::string, std::less<>> labels;
  };

  // ---- Module level
  void directive() {
    const std::string w = word();
    if (w == ".version" || w == ".address_size") {
      take();
    } else if (w == ".target") {
      module_.target = word();
      while (accept(",")) take();
    } else if (w == ".file") {
      file();
    } else if (w == ".section") {
      skip_section();
    } else if (w == ".pragma") {
      while (!accept(";")) take();
    } else if (w == ".alias") {
      fail(".alias is not supported");
    } else {
      --at_;
      declaration();
    }
  }

  void file() {
    const auto index = static_cast<uint32_t>(integer());
    const std::string_view name = take().text;
    module_.files[index] = std::string(name.substr(1, name.size() - 2));
    while (accept(",")) take();
  }

  void skip_section() {
    take();
    expect("{");
    for (int depth = 1; depth > 0;) {
      if (peek().form == Form::kEnd) fail("open section");
      const Token& t = take();
      depth += t.is("{") - t.is("}");
    }
  }

  void declaration() {
    bool external = false;
    for (;;) {
      const std::string w = word();
      if (w == ".visible" || w == ".weak" || w == ".common") continue;
      if (w == ".extern") {
        external = true;
      } else if (w == ".entry" || w == ".func") {
        function(w == ".entry");
        return;
      } else if (w == ".global" || w == ".const" || w == ".shared") {
        auto v = variable(w.substr(1));
        v->is_external = external;
        const std::string name = v->name;
        if (!module_.variables.contains(name)) module_.variable_order.push_back(name);
        module_.variables[name] = std::move(v);
        return;
      } else {
        fail("directive " + w + " is not supported");
      }
    }
  }

  // After the state space: [.align n] [.attribute(..)] [.ptr ...] type name [dimensions] [= values]
  // ;
  std::unique_ptr<Variable> variable(const std::string& space, bool with_end = true) {
    auto v = std::make_unique<Variable>();
    v->space = space;
    uint64_t lanes = 1;
    for (;;) {
      const std::string w = word();
      if (w == ".align") {
        v->align = static_cast<uint32_t>(integer());
      } else if (w == ".ptr") {
        while (peek().is(".global") || peek().is(".shared") || peek().is(".const") ||
               peek().is(".local"))
          take();
        if (accept(".align")) integer();
      } else if (w == ".v2" || w == ".v4") {
        lanes = w == ".v2" ? 2 : 4;
      } else if (w == ".attribute") {
        while (!accept(")")) take();
      } else if (w[0] == '.' && parse_type(w.substr(1)).kind != Kind::kNone) {
        v->type = parse_type(w.substr(1));
        break;
      } else {
        fail("unknown variable attribute " + w);
      }
    }
    v->name = word();
    v->align = std::max<uint32_t>(v->align, static_cast<uint32_t>(v->type.bytes() * lanes));
    uint64_t count = lanes;
    bool unknown = false;
    while (accept("[")) {
      if (accept("]")) {
        unknown = true;
      } else {
        count *= integer();
        expect("]");
      }
    }
    if (accept("=")) initialiser(*v);
    v->bytes = unknown ? v->initial.size() : std::max<uint64_t>(count, 1) * v->type.bytes();
    if (count == 0) v->bytes = 0;
    if (!v->initial.empty()) v->initial.resize(v->bytes);
    if (with_end) expect(";");
    return v;
  }

  void initialiser(Variable& v) {
    if (accept("{")) {
      while (!accept("}")) {
        initialiser(v);
        accept(",");
      }
      return;
    }
    const size_t at = v.initial.size(), size = v.type.bytes();
    v.initial.resize(at + size);
    uint64_t value = 0;
    if (peek().form == Form::kFloatBits) {
      value = take().integer;
    } else if (peek().form == Form::kWord) {
      std::string name = word();
      if (name == "generic") {
        expect("(");
        name = word();
        expect(")");
      } else if (name == "mask") {
        fail("mask() initialisers are not supported");
      }
      const int64_t addend = accept("+") ? static_cast<int64_t>(integer()) : 0;
      v.addresses.push_back({at, name, addend});
    } else {
      value = integer();
    }
    std::memcpy(v.initial.data() + at, &value, std::min<size_t>(size, 8));
  }

  // ---- Functions
  void parameters(std::vector<Variable*>& list, Scope& scope) {
    if (!accept("(")) return;
    while (!accept(")")) {
      const std::string w = word();
      if (w == ".reg") fail("register parameters are not supported");
      if (w != ".param") fail("expected .param, got " + w);
      auto v = variable("param", false);
      v->cname = fresh(v->name);
      scope.variables[v->name] = v.get();
      list.push_back(v.get());
      function_->variables.push_back(std::move(v));
      accept(",");
    }
  }

  void function(bool entry) {
    auto owned = std::make_unique<Function>();
    function_ = owned.get();
    function_->is_entry = entry;
    function_->line = peek().line;
    counter_ = 0;
    scopes_.assign(1, {});
    places_ = {};
    if (!entry && peek().is("(")) parameters(function_->results, scopes_[0]);
    function_->name = word();
    parameters(function_->parameters, scopes_[0]);
    for (;;) {
      if (accept(".noreturn")) continue;
      if (accept(".maxntid") || accept(".reqntid")) {
        uint32_t threads = static_cast<uint32_t>(integer());
        while (accept(",")) threads *= static_cast<uint32_t>(integer());
        function_->max_threads = threads;
      } else if (accept(".minnctapersm") || accept(".maxnreg") || accept(".maxnctapersm")) {
        integer();
      } else if (accept(".pragma")) {
        while (!accept(";")) take();
      } else {
        break;
      }
    }
    if (accept(";")) {
      function_->is_declaration = true;
    } else {
      expect("{");
      block();
    }
    auto& slot = module_.functions[function_->name];
    if (!slot || slot->is_declaration) slot = std::move(owned);
    function_ = nullptr;
  }

  std::string fresh(std::string_view name) {
    std::string c = "v" + std::to_string(counter_++) + "_";
    for (const char ch : name) c += std::isalnum(static_cast<unsigned char>(ch)) ? ch : '_';
    return c;
  }

  void block() {
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

  // Labels of this block may be named before they are set, and hide those of the blocks around it.
  void prescan_labels() {
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

  void statement() {
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

  void label() {
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

  std::string find_label(const std::string& name) const {
    for (size_t i = scopes_.size(); i-- > 0;) {
      const auto found = scopes_[i].labels.find(name);
      if (found != scopes_[i].labels.end()) return found->second;
    }
    fail("unknown label " + name);
  }

  void registers() {
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
  void add_register(const std::string& name, Type type) {
    auto r = std::make_unique<Register>();
    r->name = fresh(name);
    r->type = type;
    scopes_.back().registers[name] = r.get();
    function_->registers.push_back(std::move(r));
  }

  void instruction() {
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

  Operand operand() {
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

  Operand list(Operand::Form form, std::string_view end) {
    Operand o;
    o.form = form;
    while (!accept(end)) {
      o.parts.push_back(operand());
      accept(",");
    }
    return o;
  }

  Operand name_operand(const std::string& name) {
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

  Module module_;
  Function* function_ = nullptr;
  std::vector<Scope> scopes_;
  uint32_t counter_ = 0;
  SourcePlaces places_;
};

}  // namespace

Module parse_ptx(std::string_view text) {
  return Parser(text).run();
}

}  // namespace burin::softgpu
