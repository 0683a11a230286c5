#include "ptx/parser.h"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ptx/body_parser.h"

namespace burin::softgpu {
namespace {

class Parser : private BodyParser {
 public:
  explicit Parser(std::string_view text) : BodyParser(text) {}

  Module run() {
    while (peek().form != Form::kEnd) directive();
    return std::move(module_);
  }

 private:
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
};

}  // namespace

Module parse_ptx(std::string_view text) {
  return Parser(text).run();
}

}  // namespace burin::softgpu
