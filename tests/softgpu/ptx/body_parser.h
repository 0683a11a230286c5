// Bodies of functions: scopes, labels, registers and instructions.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "ptx/ast.h"
#include "ptx/declaration_parser.h"
#include "ptx/source_places.h"

namespace burin::softgpu {

class BodyParser : protected DeclarationParser {
 protected:
  struct Scope {
    std::map<std::string, Register*, std::less<>> registers;
    std::map<std::string, Variable*, std::less<>> variables;
    std::map<std::string, std::string, std::less<>> labels;
  };

  explicit BodyParser(std::string_view text) : DeclarationParser(text) {}

  // What follows the opening brace, into function_ and the innermost scope.
  void block();
  // A C++ name that no other of the function has.
  std::string fresh(std::string_view name);

  Function* function_ = nullptr;
  std::vector<Scope> scopes_;
  uint32_t counter_ = 0;
  SourcePlaces places_;

 private:
  // Labels of this block may be named before they are set, and hide those of the blocks around it.
  void prescan_labels();
  void statement();
  void label();
  std::string find_label(const std::string& name) const;
  void registers();
  void add_register(const std::string& name, Type type);
  void instruction();
  Operand operand();
  Operand list(Operand::Form form, std::string_view end);
  Operand name_operand(const std::string& name);
};

}  // namespace burin::softgpu
