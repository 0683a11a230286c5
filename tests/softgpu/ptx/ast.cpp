#include "ptx/ast.h"

namespace burin::softgpu {

Type parse_type(std::string_view text) {
  static const std::map<std::string_view, Type> types = {
      {"b8", {Kind::kBits, 8}},       {"b16", {Kind::kBits, 16}},
      {"b32", {Kind::kBits, 32}},     {"b64", {Kind::kBits, 64}},
      {"u8", {Kind::kUnsigned, 8}},   {"u16", {Kind::kUnsigned, 16}},
      {"u32", {Kind::kUnsigned, 32}}, {"u64", {Kind::kUnsigned, 64}},
      {"s8", {Kind::kSigned, 8}},     {"s16", {Kind::kSigned, 16}},
      {"s32", {Kind::kSigned, 32}},   {"s64", {Kind::kSigned, 64}},
      {"f16", {Kind::kFloat, 16}},    {"f16x2", {Kind::kFloat, 16, 2}},
      {"f32", {Kind::kFloat, 32}},    {"f64", {Kind::kFloat, 64}},
      {"bf16", {Kind::kBrain, 16}},   {"bf16x2", {Kind::kBrain, 16, 2}},
      {"tf32", {Kind::kTf32, 32}},    {"pred", {Kind::kPredicate, 1}},
  };
  const auto found = types.find(text);
  return found == types.end() ? Type{} : found->second;
}

bool Instruction::has(std::string_view modifier) const {
  for (size_t i = 1; i < parts.size(); ++i) {
    if (parts[i] == modifier) return true;
  }
  return false;
}

Type Instruction::type(size_t which) const {
  for (size_t i = 1; i < parts.size(); ++i) {
    const Type t = parse_type(parts[i]);
    if (t.kind != Kind::kNone && which-- == 0) return t;
  }
  return {};
}

size_t Instruction::types() const {
  size_t count = 0;
  for (size_t i = 1; i < parts.size(); ++i) count += parse_type(parts[i]).kind != Kind::kNone;
  return count;
}

}  // namespace burin::softgpu
