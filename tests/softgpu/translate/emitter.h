// Writes one function. The opcode families (arithmetic.cpp, ...) turn an instruction into C++ with
// it.
#pragma once

#include <initializer_list>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "ptx/ast.h"
#include "ptx/lexer.h"
#include "translate/translator.h"

namespace burin::softgpu {

inline std::string text_of(std::string_view s) {
  return std::string(s);
}
inline std::string text_of(uint64_t v) {
  return std::to_string(v);
}
inline std::string text_of(uint32_t v) {
  return std::to_string(v);
}
inline std::string text_of(int v) {
  return std::to_string(v);
}
// cat("a", 1, "b") is "a1b".
template <class... Parts>
std::string cat(const Parts&... parts) {
  std::string s;
  ((s += text_of(parts)), ...);
  return s;
}

// The C++ type that holds a PTX type; f16 and bf16 are held as their bits.
std::string c_type(Type t);

// What is shared by the functions of one kernel.
struct UnitContext {
  const Module* module = nullptr;
  std::map<std::string, uint64_t>
      shared_offsets;  // module-level and function-level, by unique name
  uint64_t static_shared = 0;
  std::map<std::string, std::string> symbols;  // device variable -> its slot in the C++ text
  std::vector<uint32_t> site_lines;
  std::vector<std::vector<uint32_t>> block_classes;
  std::set<std::string> callees;
  bool needs_fibres = false, may_wait = false;
  uint64_t local_bytes = 0;
  uint64_t dynamic_alignment = 16;
};

class Emitter {
 public:
  Emitter(UnitContext& unit, const Function& function) : unit_(unit), function_(function) {}

  std::string run();

  // ---- For the opcode families
  UnitContext& unit() { return unit_; }
  const Function& function() const { return function_; }
  void line(const std::string& code) { out_ += code, out_ += '\n'; }
  [[noreturn]] void unsupported(const Instruction& i, std::string_view why = "") const;
  // Error unless each modifier is a type or in the list (or has "::" with cache_hints).
  void allow(const Instruction& i, std::initializer_list<std::string_view> modifiers) const;
  void need_operands(const Instruction& i, size_t least, size_t most) const;

  // The operand as a value of type t, for arithmetic.
  std::string value(const Operand& o, Type t, const Instruction& i);
  // The same where the bits of a NaN matter: stores, moves between kinds of register.
  std::string raw(const Operand& o, Type t, const Instruction& i);
  // Assignment of an expression of type t. `arithmetic`: a NaN result is to be canonical.
  void assign(const Operand& to, Type t, const std::string& expression, const Instruction& i,
              bool arithmetic = false);
  // A copy keeps a NaN's payload; see nan_class.
  bool holds_arithmetic_only(const Operand& o) const;

  // "at_global<4>(t, address, ...)": the host address that a memory operand stands for.
  std::string access(const Operand& memory, const std::string& space, uint64_t bytes,
                     std::string_view kind, bool strong, const Instruction& i);
  std::string address(const Operand& memory, const Instruction& i);
  std::string symbol_address(const Operand& o, const Instruction& i);
  uint32_t new_site(uint32_t line);
  static std::string state_space(const Instruction& i);
  bool is_backward(const std::string& label) const;
  void end_block() { block_open_ = false; }
  std::string label_name(const Operand& o, const Instruction& i) const;

 private:
  enum class NanClass : uint8_t { kRaw, kArithmetic, kMixed };
  void classify_nans();
  void emit(const Instruction& i);
  void count(const Instruction& i);
  std::string special(const Operand& o, const Instruction& i) const;
  std::string register_value(const Register& r, Type t, bool keep_bits) const;
  std::string immediate(const Operand& o, Type t, const Instruction& i) const;

  UnitContext& unit_;
  const Function& function_;
  std::string out_;
  std::map<std::string, size_t> label_at_;
  size_t at_ = 0;
  bool block_open_ = false;
  std::map<const Register*, NanClass> nan_class_;
};

// Each returns false if the opcode is not of its family.
bool emit_integer(Emitter& e, const Instruction& i);
bool emit_bits(Emitter& e, const Instruction& i);
bool emit_float(Emitter& e, const Instruction& i);
bool emit_half(Emitter& e, const Instruction& i);
bool emit_compare(Emitter& e, const Instruction& i);
bool emit_convert(Emitter& e, const Instruction& i);
bool emit_move(Emitter& e, const Instruction& i);
bool emit_memory(Emitter& e, const Instruction& i);
bool emit_atomic(Emitter& e, const Instruction& i);
bool emit_control(Emitter& e, const Instruction& i);
bool emit_warp(Emitter& e, const Instruction& i);
bool emit_matrix(Emitter& e, const Instruction& i);

// The MXCSR rounding field of .rn .rm .rp .rz (and .rni ...): 0 to 3.
uint32_t rounding_mode(const Instruction& i);

inline constexpr Type kU32{Kind::kUnsigned, 32};
inline constexpr Type kS32{Kind::kSigned, 32};
inline constexpr Type kU64{Kind::kUnsigned, 64};
inline constexpr Type kB32{Kind::kBits, 32};
inline constexpr Type kB64{Kind::kBits, 64};
inline constexpr Type kF32{Kind::kFloat, 32};
inline constexpr Type kF64{Kind::kFloat, 64};
inline constexpr Type kPred{Kind::kPredicate, 1};

}  // namespace burin::softgpu
