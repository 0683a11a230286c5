// Declarations of variables and source files, which stand in modules and in functions alike.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "ptx/ast.h"
#include "ptx/token_stream.h"

namespace burin::softgpu {

class DeclarationParser : protected TokenStream {
 protected:
  using Form = Token::Form;

  explicit DeclarationParser(std::string_view text) : TokenStream(text) {}

  void file() {
    const auto index = static_cast<uint32_t>(integer());
    const std::string_view name = take().text;
    module_.files[index] = std::string(name.substr(1, name.size() - 2));
    while (accept(",")) take();
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

  Module module_;

 private:
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
};

}  // namespace burin::softgpu
