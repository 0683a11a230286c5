// A PTX module as the parser leaves it: names are resolved by scope, types are decoded, nothing is
// interpreted. See the "Parallel Thread Execution ISA" for the meaning.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace burin::softgpu {

enum class Kind : uint8_t { kNone, kBits, kUnsigned, kSigned, kFloat, kBrain, kTf32, kPredicate };

// .u32, .f16x2, .pred, ...
struct Type {
  Kind kind = Kind::kNone;
  uint32_t bits = 0;   // of one lane
  uint32_t lanes = 1;  // 2 for the x2 types
  bool is_float() const { return kind == Kind::kFloat || kind == Kind::kBrain; }
  bool is_signed() const { return kind == Kind::kSigned; }
  uint32_t bytes() const { return bits * lanes / 8; }
  bool operator==(const Type&) const = default;
};

// "u32" -> Type; kind kNone if the text is no type.
Type parse_type(std::string_view text);

struct Register {
  std::string name;  // in the C++ text
  Type type;
  bool used = false;
};

struct Variable {
  std::string name;   // as in PTX
  std::string space;  // global, const, shared, local, param
  Type type;
  uint32_t align = 1;
  uint64_t bytes = 0;  // 0: .extern array of unknown size
  bool is_external = false;
  std::vector<uint8_t> initial;
  struct Address {
    uint64_t offset;
    std::string symbol;
    int64_t addend;
  };
  std::vector<Address> addresses;  // initialisers that are addresses
  std::string cname;               // for those local to a function
};

struct Operand {
  enum class Form : uint8_t {
    kRegister,
    kInteger,
    kFloatBits,
    kSymbol,
    kSpecial,
    kMemory,
    kVector,
    kPair,
    kList,
    kSink
  };
  Form form = Form::kSink;
  bool negated = false;  // !%p
  Register* reg = nullptr;
  Variable* variable = nullptr;  // kSymbol that names a function-local or module variable
  std::string name;              // kSymbol, kSpecial (%tid.x)
  uint64_t integer = 0;          // kInteger; kFloatBits; offset of kMemory
  uint32_t float_width = 0;      // kFloatBits
  std::vector<Operand> parts;    // kVector, kPair, kList; kMemory: its base
};

struct Instruction {
  uint32_t line = 0;         // of the PTX text
  uint32_t source_file = 0;  // -lineinfo: index of .file, 0 if none
  uint32_t source_line = 0;
  uint32_t inner_file = 0, inner_line = 0;  // where it was inlined from, else the same
  Operand guard;                            // kRegister if predicated
  std::string opcode;                       // whole, as written
  std::vector<std::string> parts;           // split at '.'; "::" stays within a part
  std::vector<Operand> operands;
  std::string label;  // a label rather than an instruction

  bool has(std::string_view modifier) const;
  Type type(size_t which = 0) const;  // the which-th type among the modifiers
  size_t types() const;
};

struct Function {
  std::string name;
  bool is_entry = false;
  bool is_declaration = false;
  std::vector<Variable*> results, parameters;
  std::vector<std::unique_ptr<Register>> registers;
  std::vector<std::unique_ptr<Variable>> variables;
  std::vector<Instruction> body;
  std::map<std::string, std::vector<std::string>> branch_targets;  // .branchtargets lists
  uint32_t max_threads = 0;                                        // .maxntid, .reqntid
  uint32_t line = 0;
};

struct Module {
  std::string target;
  std::map<std::string, std::unique_ptr<Function>> functions;
  std::map<std::string, std::unique_ptr<Variable>> variables;
  std::vector<std::string> variable_order;
  std::map<uint32_t, std::string> files;
};

}  // namespace burin::softgpu
